"""A map that is taught where findings are: made-up X-rays with one bright patch each."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras")
pytest.importorskip("skimage")

from model.input.preprocess import Preprocessing
from training.data.augment import Augmentation
from training.data.findings import UNKNOWN
from training.data.samples import Sample
from training.errors import TrainingError
from training.fitting.findings import Findings, finding_maps
from training.fitting.recipe import Recipe

CHOICES = {
    "name": "findings",
    "version": "0.1.0",
    "architecture": "vgg_attention",
    "labels": ("COVID19", "NORMAL"),
    "config": {},
    "preprocessing": Preprocessing(size=64, border=0.0),
    "augmentation": Augmentation(crop_least=0, crop=0, flip=1.0, rotation=0),
}


def test_what_was_not_drawn_is_paid_for_and_the_unknown_is_free():
    layer = Findings(weight=2.0)
    attention = np.array([[[0.9, 0.1]], [[0.5, 0.5]], [[0.99, 0.99]]], np.float32)
    drawn = np.array([[[1, 0]], [[1, 0]], [[UNKNOWN, UNKNOWN]]], np.float32)
    probabilities = np.full((3, 3), 1 / 3, np.float32)

    np.testing.assert_array_equal(layer([probabilities, attention, drawn]), probabilities)

    cells = -(2 * np.log(0.9) + 2 * np.log(0.5)) / 4
    lacking = np.mean([1 - (2 * 0.9 + 1) / (1 + 1 + 1), 1 - (2 * 0.5 + 1) / (1 + 1 + 1)])
    assert float(layer.losses[0]) == pytest.approx(2 * (cells + lacking), rel=1e-4)


def test_of_an_empty_film_only_the_cells_count():
    layer = Findings(weight=1.0)
    nothing = np.zeros((1, 1, 2), np.float32)
    layer([np.ones((1, 3), np.float32), np.full((1, 1, 2), 0.5, np.float32), nothing])
    assert float(layer.losses[0]) == pytest.approx(-np.log(0.5), rel=1e-4)


def test_nothing_known_costs_nothing():
    layer = Findings(weight=2.0)
    unknown = np.full((1, 2, 2), UNKNOWN, np.float32)
    layer([np.ones((1, 3), np.float32), np.full((1, 2, 2), 0.5, np.float32), unknown])
    assert float(layer.losses[0]) == 0


def test_maps_follow_each_copy(tmp_path):
    Image.fromarray(np.full((80, 80), 90, np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "boxes.csv").write_text("path,x,y,width,height\na.png,0,0,0.5,0.5\n")
    samples = [Sample(tmp_path / "a.png", "COVID19", "train", "1", "here")]

    found = finding_maps(samples, Recipe(**CHOICES), 4, [None, 0])

    assert (found.shape, found.dtype) == ((2, 1, 4, 4), np.float16)
    np.testing.assert_allclose(found[0, 0], np.kron([[1, 0], [0, 0]], np.ones((2, 2))), atol=0.05)
    np.testing.assert_allclose(found[1, 0], found[0, 0][:, ::-1], atol=0.05)


def test_without_boxes_the_map_is_free(tmp_path, capsys):
    samples = [Sample(tmp_path / "a.png", "NORMAL", "train", "1", "here")]
    assert (finding_maps(samples, Recipe(**CHOICES), 4, [None]) == UNKNOWN).all()
    assert "No boxes" in capsys.readouterr().err


def test_a_map_cannot_keep_to_the_lungs_and_show_findings():
    with pytest.raises(TrainingError, match="keeps the map to the lungs"):
        Recipe(**CHOICES, lungs=0.5, findings=0.5)
