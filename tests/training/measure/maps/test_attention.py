"""Attention against lung masks: made-up maps whose share inside the lungs is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.input.preprocess import Box
from tests.support.toys import CLASSES
from training.data.manifest import read_data
from training.data.samples import Sample
from training.errors import TrainingError
from training.measure.maps.attention import lung_attention, lung_mask, lung_shares

WHOLE = Box(0, 0, 1, 1)
BOXES = [WHOLE] * 3


@pytest.fixture
def samples(tmp_path) -> list[Sample]:
    """Two X-rays of 100x80 with a lung in the left half and in the upper quarter, one without."""
    left, upper = np.zeros((80, 100), bool), np.zeros((80, 100), bool)
    left[:, :50] = True
    upper[:20] = True
    random = np.random.default_rng(0)
    found = []
    for name, mask in (("left", left), ("upper", upper), ("none", None)):
        file = tmp_path / f"{name}.png"
        Image.fromarray(random.integers(0, 255, (80, 100), np.uint8)).save(file)
        drawn = None
        if mask is not None:
            drawn = tmp_path / f"{name}-lungs.png"
            Image.fromarray(mask).save(drawn)
        found.append(Sample(file, "COVID19", "test", name, "here", drawn))
    return found


def shares(*arguments) -> dict[str, float]:
    figures = lung_attention(*arguments, resamples=50)["figures"]
    return {name: figure["value"] for name, figure in figures.items()}


def test_the_mask_goes_through_the_box(samples):
    left, upper = lung_mask(samples[0]), lung_mask(samples[1])
    np.testing.assert_array_equal(lung_shares(left, (1, 4), WHOLE), [[1, 1, 0, 0]])
    np.testing.assert_array_equal(lung_shares(left, (1, 2), Box(0.25, 0, 1, 1))[0, 1], 0)
    np.testing.assert_allclose(lung_shares(left, (2, 1), Box(0.4, 0.1, 0.8, 0.9)), 0.25)
    np.testing.assert_allclose(lung_shares(upper, (2, 1), WHOLE), [[0.5], [0]])


def test_whatever_is_not_black_is_lung(samples):
    """Some draw masks in 255, others in 1."""
    with Image.open(samples[0].lung_mask) as drawn:
        faint = Image.fromarray(np.asarray(drawn.convert("L")) // 255)
    expected = lung_mask(samples[0])
    faint.save(samples[0].lung_mask)
    np.testing.assert_array_equal(lung_mask(samples[0]), expected)


def test_a_network_that_looks_everywhere_gains_nothing(samples):
    found = shares(samples, np.full((3, 10, 10), 0.3), BOXES)
    assert found == {
        "attention_in_lungs": pytest.approx(0.375),
        "area_of_lungs": pytest.approx(0.375),
        "difference": pytest.approx(0),
    }


def test_attention_inside_and_outside(samples):
    attention = np.zeros((3, 4, 4))
    attention[0, :, 0] = 1  # in the lung
    attention[1, 3] = 0.1  # beside it
    attention[2] = 9  # has no mask

    found = shares(samples, attention, BOXES)
    assert found["attention_in_lungs"] == pytest.approx(0.5)
    assert found["difference"] == pytest.approx(0.125)


def test_a_map_of_zeros_is_everywhere_alike(samples):
    assert shares(samples, np.zeros((3, 4, 4)), BOXES)["difference"] == 0


def test_counts_and_interval(samples):
    attention = np.zeros((3, 4, 4))
    attention[0, :, 0] = attention[1, 3] = 1
    found = lung_attention(samples, attention, BOXES)

    assert (found["n"], found["patients"], found["masks_of_another_cut"]) == (2, 2, 0)
    inside = found["figures"]["attention_in_lungs"]
    assert (inside["low"], inside["high"]) == (0, 1)


def test_a_mask_of_another_cut_is_left_out_and_counted(samples):
    mask = samples[1].lung_mask
    Image.open(mask).resize((100, 95)).save(mask)
    found = lung_attention(samples, np.ones((3, 4, 4)), BOXES)

    assert (found["n"], found["masks_of_another_cut"]) == (1, 1)
    assert found["figures"]["area_of_lungs"] == {"value": 0.5, "low": None, "high": None}


def test_a_network_without_attention_says_nothing_about_it(samples):
    assert lung_attention(samples, None, BOXES) is None


def test_without_masks_there_is_nothing_to_say(samples):
    assert lung_attention(samples[2:], np.ones((1, 4, 4)), BOXES) is None


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_mask_that_cannot_be_read_is_named(samples, tmp_path, content):
    file = tmp_path / "broken.png"
    if content:
        file.write_bytes(content)
    with pytest.raises(TrainingError, match=r"broken\.png cannot be read"):
        lung_attention([replace(samples[0], lung_mask=file)], np.ones((1, 4, 4)), BOXES)


def test_real_masks_hold_lungs(training_data):
    samples = [sample for sample in read_data(training_data, CLASSES) if sample.lung_mask][:10]
    box = Box(0.06, 0.06, 0.94, 0.94)
    areas = [lung_shares(lung_mask(sample), (9, 9), box).mean() for sample in samples]

    assert isinstance(samples[0].lung_mask, Path)
    assert all(0.1 < area < 0.8 for area in areas)
