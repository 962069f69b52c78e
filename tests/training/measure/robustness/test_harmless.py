"""Harmless changes: they are chests still, and a result that moves is counted."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from model.classifier import Classifier
from model.gate.frontal import check
from model.reading.radiograph import decode
from training.data.samples import Sample
from training.measure.robustness.changes import changes, inverted_dicom, png
from training.measure.robustness.harmless import Said, _any, _moved, measure


@pytest.mark.parametrize("name", changes())
def test_a_changed_chest_passes_the_gate(radiographs, name):
    film = decode(radiographs["RG1_UNCI"], at_least=300).pixels
    check(decode(changes()[name](film)))


def test_there_are_fourteen_changes_and_the_film_itself():
    assert len(changes()) == 15


def test_an_inverted_film_with_its_tag_is_the_same_film():
    film = np.random.default_rng(0).random((64, 80), np.float32)
    same, inverted = decode(png(film)), decode(inverted_dicom(film))
    spread = np.ptp(same.pixels)
    assert np.corrcoef(same.pixels.ravel(), inverted.pixels.ravel())[0, 1] > 0.999
    assert np.ptp(inverted.pixels) == pytest.approx(spread, abs=0.1)


BEFORE = Said(np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.9, 0.1]]), np.zeros(4, bool))


def test_what_moves_is_counted():
    after = Said(np.array([[0.4, 0.6], [0.3, 0.7], [0.6, 0.4], [0.7, 0.3]]), np.zeros(4, bool))

    found = _moved(BEFORE, after, ("A", "B"))

    assert found.changed == found.unmarked == 0.25
    assert found.moved == pytest.approx((0.4 + 0 + 0 + 0.2) / 4)
    assert found.toward == {"A": 0, "B": 1}


def test_of_an_uncertain_result_somebody_is_told():
    turned = 1 - BEFORE.probabilities
    all_turned = Said(turned, np.array([True, False, False, False]))
    one_turned = Said(
        np.stack([turned[0], *BEFORE.probabilities[1:]]), np.array([False, True, True, True])
    )

    assert _moved(BEFORE, all_turned, ("A", "B")).unmarked == 0.75
    assert _moved(all_turned, BEFORE, ("A", "B")).unmarked == 0.75
    assert _moved(BEFORE, one_turned, ("A", "B")).unmarked == 0.25
    # Under one change or another, nobody is told of any of the four.
    assert _any(BEFORE, [all_turned, one_turned]).unmarked == 1.0


def test_a_model_is_measured_under_every_change(toy_artifact, tmp_path):
    film = np.random.default_rng(0).random((200, 160), np.float32)
    file = tmp_path / "film.png"
    file.write_bytes(png(film))
    sample = Sample(file, "NORMAL", "test", "1", "here")

    found = measure(Classifier.load(toy_artifact()), [sample])

    assert list(found) == [*list(changes())[1:], "any"]
    assert found["inverted, with its tag"].moved < 0.01
