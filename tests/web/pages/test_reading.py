"""The pages that are read: the model with its agreement, and help."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import worker
from model.artifact import load_artifact
from model.errors import Rejection
from tests.support.results import MODEL, PROBABILITIES, rejected, work
from web.language.words import REASONS
from worker.records.reviews import NewReview, Verdict

LABELS = tuple(PROBABILITIES[0])


def rejections(kind: type = Rejection) -> set[str]:
    return {kind.code}.union(*(rejections(sub) for sub in kind.__subclasses__())) - {"rejected"}


def test_help_explains_every_reason(reader):
    sources = [file.read_text() for file in Path(worker.__file__).parent.rglob("*.py")]
    refused = {code for text in sources for code in re.findall(r'refuse\(\s*name, "(\w+)"', text)}
    assert {"encrypted", "nested_archive"} <= refused
    assert rejections() | refused <= set(REASONS)
    page = reader.get("/help").text
    for code in REASONS:
        assert f"<code>{code}</code>" in page
    assert "Rotate by 90°" in page


def test_the_model_page_has_the_card(reader):
    page = reader.get("/model").text
    card = load_artifact()
    assert card.version in page
    assert f"{100 * card.uncertain_below:.1f} %" in page
    sources = card.metadata["metrics"]["sources"]
    assert all(name in page for name in sources)
    assert "No reviews yet" in page


def test_the_model_page_has_the_agreement_of_the_clinic_only(reader, upload, store, clinic, png):
    upload({f"{n}.png": png for n in range(4)})
    work(store, 4)  # PNEUMONIA, COVID19, NORMAL, NORMAL
    for image in (1, 2, 3):
        store.review(clinic.id, image, "Ann", NewReview(Verdict.AGREE))
    store.review(clinic.id, 4, "Ann", NewReview(Verdict.OTHER_LABEL, "PNEUMONIA"))
    page = reader.get("/model").text
    assert MODEL in page
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "4 reviews" in text
    assert "Same label: 0.75 (0.30 to 0.95, n 4)" in text
    assert "Pneumonia 0.50 (0.09 to 0.91, n 2) 1.00 (0.34 to 1.00, n 2)" in text


@pytest.mark.parametrize("path", ["/model", "/help"])
def test_they_need_a_session(visitor, path):
    assert visitor.get(path).status_code == 302


def test_the_model_page_tells_week_by_week(reader, upload, store, clinic, png):
    assert "No results in the last" in reader.get("/model").text
    upload({f"{n}.png": png for n in range(5)})
    work(store, 4)  # PNEUMONIA, COVID19 (uncertain), NORMAL, NORMAL
    work(store, 1, rejected)
    store.review(clinic.id, 1, "Ann", NewReview(Verdict.OTHER_LABEL, "NORMAL"))
    (week,) = store.weeks(clinic.id, datetime.now(UTC) - timedelta(days=7), [*LABELS])
    assert (week.done, week.rejected, week.uncertain) == (4, 1, 1)
    assert week.labels == {"COVID19": 1, "NORMAL": 2, "PNEUMONIA": 1}
    assert week.confidence == pytest.approx(0.819 + 0.774 + 0.967 + 0.912)
    assert week.suspicions == (2, 0, 0, 0, 0, 0, 0, 0, 1, 1)
    assert (week.reviewed, week.disagreed) == (1, 1)
    text = " ".join(re.sub(r"<[^>]+>", " ", reader.get("/model").text).split())
    assert "4 25 % 50 % 25 % 87 % 25 % 20 % 100 % \u2013" in text
    assert "Too few results to compare weeks yet." in text
    other = store.ensure_clinic("other", "another token")
    assert store.weeks(other.id, datetime.now(UTC) - timedelta(days=7), [*LABELS]) == []
