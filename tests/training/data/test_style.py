"""Styles: borrowed by strength, and the picture stays the same picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from training.data.samples import Sample
from training.data.style import donor_styles, restyled, style_of
from training.data.weighting import FEW


def picture(blur: float, seed: int = 0) -> np.ndarray:
    """(64, 64) float32, 0..1: a bright disc in noise, sharp or blurred."""
    rows, columns = np.mgrid[0:64, 0:64]
    disc = 160.0 * (np.hypot(rows - 30, columns - 36) < 18) + 40
    noisy = disc + np.random.default_rng(seed).normal(0, 20, disc.shape)
    sharp = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    return np.asarray(sharp.filter(ImageFilter.GaussianBlur(blur)), np.float32) / 255


def distance(first, second) -> float:
    return float(np.abs(style_of(first).spectrum - style_of(second).spectrum)[5:].mean())


def test_no_strength_is_no_change():
    grey = picture(0)
    np.testing.assert_allclose(restyled(grey, style_of(picture(3)), 0), grey, atol=0.02)


def test_ones_own_style_changes_nothing():
    grey = picture(1)
    np.testing.assert_allclose(restyled(grey, style_of(grey), 1), grey, atol=0.02)


@pytest.mark.parametrize(("mine", "theirs"), [(0, 1), (1, 0)])
def test_a_style_is_borrowed_and_the_content_stays(mine, theirs):
    grey, other = picture(mine), picture(theirs, seed=1)
    before = grey.copy()
    found = restyled(grey, style_of(other), 1)

    assert (found.shape, found.dtype) == (grey.shape, np.float32)
    assert found.min() >= 0
    assert found.max() <= 1
    assert distance(found, other) < distance(grey, other) / 2
    assert np.corrcoef(found.ravel(), grey.ravel())[0, 1] > 0.9
    np.testing.assert_array_equal(grey, before)


def test_only_groups_of_some_size_lend_their_style():
    def of(source: str, count: int) -> list[Sample]:
        return [
            Sample(Path(f"{source}{n}"), "NORMAL", "train", f"{source}{n}", source)
            for n in range(count)
        ]

    groups = donor_styles(of("large", FEW) + of("few", FEW - 1), lambda _: picture(0))
    assert [len(group) for group in groups] == [FEW]
    assert donor_styles(of("few", 3), lambda _: picture(0)) == []
