"""The pages that are read: the model with its agreement, and help."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

import worker
from model.artifact import load_artifact
from model.errors import Rejection
from tests.support.results import MODEL, PROBABILITIES, done, rejected, shadow, work
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


def test_the_model_page_says_for_which_hospital_a_model_is_calibrated(reader, monkeypatch):
    card = load_artifact()
    calibration = {
        "site": "st-anna",
        "images": 60,
        "patients": 50,
        "made_at": "2026-11-26T12:00:00+00:00",
    }
    metrics = card.metadata["metrics"] | {"n": 60, "patients": 50, "sources": {}}
    metadata = {**card.metadata, "calibration": calibration, "metrics": metrics}
    calibrated = replace(card, number="2.2.0+st-anna", metadata=metadata)
    monkeypatch.setattr("web.pages.reference.reading._card", lambda: calibrated)

    page = reader.get("/model").text
    assert "Calibrated for" in page
    assert "by 60 X-rays of 50 patients, 2026-11-26" in page
    assert "On the 60 X-rays of 50 patients that were read there" in page
    assert "When it was released" not in page


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
    assert (week.compared, week.unlike_training) == (4, 1)
    assert "4 25 % 50 % 25 % 87 % 25 % 20 % 100 % \u2013 \u2013" in text
    assert "Too few results to compare weeks yet." in text
    other = store.ensure_clinic("other", "another token")
    assert store.weeks(other.id, datetime.now(UTC) - timedelta(days=7), [*LABELS]) == []


def film_unlike_the_others(claim, model):
    finished = done(claim)
    film = {"distance": 0.1, "mean": 45.0, "contrast": 70.0}
    return replace(finished, result=replace(finished.result, model=model, film=film))


def test_the_model_page_compares_films_with_those_for_validation(
    reader, upload, store, clinic, png, monkeypatch
):
    card = load_artifact()
    upload({f"{n}.png": png for n in range(4)})
    work(store, 4, partial(film_unlike_the_others, model=card.version))
    page = reader.get("/model").text
    assert "Distance from training films" in page
    assert "differ clearly" not in page, "too few"
    monkeypatch.setattr("web.showing.drift.MIN_RESULTS", 4)
    text = " ".join(re.sub(r"<[^>]+>", " ", reader.get("/model").text).split())
    assert "differ clearly from those that the model was validated with" in text
    assert "Distance from training films (" in text


def test_a_model_without_histograms_says_that_it_has_none(reader, upload, store, png):
    upload({"a.png": png})
    work(store, 1)
    text = " ".join(re.sub(r"<[^>]+>", " ", reader.get("/model").text).split())
    assert "this server does not have the model, or the model has no statistics of them" in text


def test_films_of_a_version_that_is_not_in_use_are_compared_where_its_artifact_is_at_hand(
    reader, upload, store, png, monkeypatch
):
    released = load_artifact()
    in_use = replace(released, number="2.2.0+st-anna")
    monkeypatch.setattr("web.pages.reference.reading._card", lambda: in_use)
    upload({f"{n}.png": png for n in range(4)})
    work(store, 4, partial(film_unlike_the_others, model=released.version))
    monkeypatch.setattr("web.showing.drift.MIN_RESULTS", 4)
    text = " ".join(re.sub(r"<[^>]+>", " ", reader.get("/model").text).split())
    assert "differ clearly from those that the model was validated with" in text


SHADOW = "shadow_net-2.0.0"


def test_the_model_page_compares_a_shadow_model(reader, upload, store, clinic, png):
    assert "No shadow results." in reader.get("/model").text
    upload({f"{n}.png": png for n in range(4)})
    work(store, 4)  # PNEUMONIA, COVID19, NORMAL, NORMAL
    ours = {n: PROBABILITIES[n % 4] for n in (1, 2, 3, 4)}
    moved = {"COVID19": 0.674, "NORMAL": 0.192, "PNEUMONIA": 0.134}
    theirs = ours | {2: moved, 4: {"COVID19": 0.941, "NORMAL": 0.012, "PNEUMONIA": 0.047}}
    shadow(store, clinic.id, theirs, SHADOW)
    page = reader.get("/model").text
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert f"{SHADOW} beside {MODEL}" in text
    assert "4 films that both classified. Same label: 0.75 (0.30 to 0.95, n 4)" in text
    # COVID19: 0.8 of a film up, all but two alike; NORMAL: one of two goes to another label.
    assert "COVID-19 1 2 0 +20.0 (size 25.0)" in text
    assert "Normal 2 1 1 image -20.0 (size 25.0)" in text
    assert "Pneumonia 1 1 0 0.0 (size 0.0)" in text
    assert f'href="/images?differs_from={SHADOW}&amp;label=NORMAL"' in page
    other = store.ensure_clinic("other", "another token")
    assert store.shadows(other.id) == []


def test_a_list_of_what_a_shadow_model_calls_something_else(client, upload, store, clinic, png):
    upload({f"{n}.png": png for n in range(4)})
    work(store, 4)
    shadow(store, clinic.id, {1: PROBABILITIES[1], 2: PROBABILITIES[0]}, SHADOW)

    def listed(**query) -> list[int]:
        found = client.get("/api/v1/images", query_string=query)
        return [image["id"] for image in found.json["items"]]

    assert listed(differs_from=SHADOW) == [2]
    assert listed(differs_from=SHADOW, sort="suspicion", label="COVID19") == [2]
    assert listed(differs_from=SHADOW, label="NORMAL") == []
    assert listed(differs_from="another-1.0.0") == []
    export = client.get("/api/v1/results.csv", query_string={"differs_from": SHADOW}).text
    assert len(export.splitlines()) == 2
    assert SHADOW not in export, "what it says is never an image's result"


def test_a_reader_learns_nothing_of_blind_films_from_a_shadow(reader, upload, store, clinic, png):
    upload({"a.png": png})
    work(store, 1)
    shadow(store, clinic.id, {1: PROBABILITIES[0]}, SHADOW)
    store.set_blind(clinic.id, 1, True)
    assert "No shadow results." in reader.get("/model").text
    address = f"/api/v1/images?differs_from={SHADOW}&sort=file"
    assert reader.get(address).json["items"] == []
    store.set_blind(clinic.id, 1, False)
    assert len(reader.get(address).json["items"]) == 1
    assert SHADOW in reader.get("/model").text
