"""The page of the article's networks: from a run, and data with its column, to the table."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from model.framing.box import WHOLE
from tests.support.commands import cxr
from tests.support.engines import without_search
from tests.support.toys import LABELS
from training.data.samples import Sample
from training.errors import TrainingError
from training.measure.article.page import BEGIN, END, claim, measured, page
from training.measure.article.table import in_three, measure, table
from training.measure.evaluate import Answers


@pytest.fixture(scope="module")
def data(trained, tmp_path_factory) -> Path:
    """A manifest of the run's test images: six of them the article's own to test on, and two that
    it would have trained on; and a box."""
    folder = tmp_path_factory.mktemp("article")
    images = sorted((trained.data / "test").rglob("*.png"))
    rows = []
    for number, image in enumerate(images):
        column = {0: "test", 1: "test", 2: "train"}.get(number % 4, "")
        rows.append((image, image.parent.name, "test", column, f"p{number}", "siim"))
    header = ("path", "label", "split", "article", "patient", "source")
    for name, lines in (
        ("manifest.csv", [header, *rows]),
        ("boxes.csv", [("path", "x", "y", "width", "height"), (images[0], 0, 0, 0.5, 1)]),
    ):
        with (folder / name).open("w", newline="") as opened:
            csv.writer(opened).writerows(lines)
    return folder


@pytest.fixture(scope="module")
def found(trained, data, narrow):
    with without_search():
        return measure([trained.folder], data, resamples=10)


def test_a_run_is_measured_on_the_articles_images_and_on_all_others(found, trained):
    (one,) = found
    assert len(one.own.samples) == 6
    assert one.figures["n"] == 12
    assert one.boxes["area_of_the_boxes"]["value"] == pytest.approx(0.5, abs=0.08)
    assert (one.epochs, one.best_epoch) == (1, 1)
    assert one.seconds > 0
    assert one.engines["n"] == 3  # of 12, every fifth
    assert one.engines["mean_absolute_difference"] < 0.1

    lines = table(found).splitlines()
    assert lines[0] == f"|  | `{trained.folder.name}` |"
    assert len({line.count("|") for line in lines}) == 1
    assert any(line.startswith("| **right of its own test images** |") for line in lines)
    assert " of 6 (" in table(found)


def test_only_the_measured_part_of_the_page_is_replaced(found):
    text = page(f"# Ours\n\n{BEGIN}\nold\n{END}\nAnd more.\n", found)
    assert text.startswith(f"# Ours\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\nAnd more.\n")
    assert "old" not in text
    assert measured(found) in text
    assert page(text, found) == text
    assert "`article_hard_attention`" in text  # among those that were not trained
    assert "3 of 3 mean no more than 44% or better" in claim(found)
    with pytest.raises(TrainingError, match="has no lines"):
        page("# Nothing", found)


def test_the_two_pneumonias_are_added():
    labels = ("COVID19", "NORMAL", "PNEUMONIA_BACTERIAL", "PNEUMONIA_VIRAL")
    samples = [Sample(Path("a.png"), "PNEUMONIA", "test", "p", "s")]
    said = np.array([[0.3, 0.2, 0.26, 0.24]], np.float32)
    merged = in_three(Answers(samples, said, {}, [WHOLE], labels))

    assert merged.labels == LABELS
    np.testing.assert_allclose(merged.probabilities, [[0.3, 0.2, 0.5]], rtol=1e-6)
    assert merged.targets.tolist() == [2]


def test_evaluate_leaves_out_patients_that_a_model_of_the_small_data_knows(copied, data):
    file = copied.artifact / "metadata.json"
    metadata = json.loads(file.read_text())
    metadata["recipe"]["data"] = {"column": "article", "ignored": [], "validation": 0.0}
    file.write_text(json.dumps(metadata))
    result = cxr(
        *("evaluate", "--artifact", copied.artifact, "--manifest", data, "--no-gate", "--json")
    )

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["n"] == 9
    assert "the model learned from their patients: 3" in result.stderr
