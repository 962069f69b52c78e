"""The report of made-up answers: all its parts, no markup from outside, real pictures."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.input.preprocess import Preprocessing
from tests.support.toys import CLASSES, LABELS, toy_folders
from training.data.manifest import read_folders
from training.data.samples import Sample
from training.data.splits import of_split
from training.measure.evaluate import Answers, Refused, report

pytest.importorskip("matplotlib")

from training.measure.report import write_report
from training.measure.text import print_figures

HISTORY = """epoch,accuracy,learning_rate,loss,val_accuracy,val_loss
0,0.5,0.001,1.1,0.4,1.2
1,0.7,0.001,0.9,0.6,1.0
"""
HOSTILE = "<script>alert(1)</script>"


def answers_of(samples: list[Sample], refused=()) -> Answers:
    random = np.random.default_rng(0)
    scores = random.random((len(samples), len(LABELS)))
    return Answers(
        samples,
        scores / scores.sum(axis=1, keepdims=True),
        {"attention": random.random((len(samples), 9, 9))},
        [Preprocessing().box] * len(samples),
        LABELS,
        refused,
    )


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> list[Sample]:
    return of_split(
        read_folders(toy_folders(tmp_path_factory.mktemp("data") / "toys"), CLASSES), "test"
    )


def written(folder: Path, answers: Answers, history: Path | None = None) -> tuple[str, dict]:
    figures = {
        "model": f"toy {HOSTILE}",
        "split": "test",
        **report(answers, resamples=10),
    }
    write_report(folder, answers, figures, history)
    return (folder / "report.html").read_text(), json.loads((folder / "report.json").read_text())


def test_a_terminal_takes_no_markup_from_the_data(samples, capsys):
    odd = [replace(sample, source="[/x] clinic") for sample in samples]
    print_figures({"model": "[bold]toy", "split": "test"} | report(answers_of(odd), resamples=10))
    said = capsys.readouterr().out
    assert "[/x] clinic" in said
    assert "[bold]toy, split test" in said


def pictures(page: str) -> dict[str, Image.Image]:
    found = re.findall(r'<img alt="(\w+)" src="data:image/png;base64,([^"]+)"', page)
    return {name: Image.open(io.BytesIO(base64.b64decode(png))) for name, png in found}


def test_all_parts(samples, tmp_path):
    history = tmp_path / "history.csv"
    history.write_text(HISTORY)
    page, figures = written(tmp_path / "report", answers_of(samples), history)

    shown = pictures(page)
    assert list(shown) == ["history", "confusion", "curves", "reliability", "examples"]
    for picture in shown.values():
        assert np.asarray(picture.convert("L")).std() > 5  # not blank
    for text in ("12 images of 12", "all (12)", "toys (12)", "balanced accuracy", "COVID19 AUROC"):
        assert text in page
    assert "not a diagnosis" in page
    assert "Positive predictive value where 10% have the disease" in page
    assert "Attention inside the lungs" not in page
    assert figures["figures"]["accuracy"]["value"] is not None


def test_an_evaluation_has_no_history(samples, tmp_path):
    page, _ = written(tmp_path, answers_of(samples))
    assert "history" not in pictures(page)


def test_names_from_outside_are_no_markup(samples, tmp_path):
    from dataclasses import replace

    refused = [Refused(f"scan {HOSTILE}.png", "unreadable", f"No {HOSTILE} picture.")]
    named = [replace(sample, source=HOSTILE) for sample in samples]
    page, _ = written(tmp_path, answers_of(named, refused))

    assert HOSTILE not in page
    assert page.count("&lt;script&gt;") == 5  # title, heading, a column, a path, a message
    assert "1 more were refused" in page


def test_attention_in_the_lungs_is_told(samples, tmp_path):
    from dataclasses import replace

    mask = tmp_path / "lungs.png"
    Image.fromarray(np.arange(80) < np.full((80, 1), 40)).save(mask)
    masked = [replace(sample, lung_mask=mask) for sample in samples]
    page, figures = written(tmp_path, answers_of(masked))

    assert "Attention inside the lungs" in page
    assert "12 images with lung masks" in page
    assert figures["lung_attention"]["figures"]["area_of_lungs"]["value"] == pytest.approx(
        0.5, abs=0.02
    )


@pytest.mark.parametrize("count", [1, 5])
def test_few_images_and_missing_classes(samples, tmp_path, count):
    page, figures = written(tmp_path, answers_of(samples[:count]))

    assert "&ndash;" in page
    assert len(pictures(page)) == 4
    assert "NaN" not in json.dumps(figures)


def test_no_file_beside_the_page_is_needed(samples, tmp_path):
    page, _ = written(tmp_path, answers_of(samples))
    assert {file.name for file in tmp_path.iterdir()} == {"report.html", "report.json"}
    assert not re.search(r'(src|href)="(?!data:)', page)
