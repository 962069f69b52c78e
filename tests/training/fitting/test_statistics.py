"""Statistics of the training images: those that Keras' ImageDataGenerator fits."""

import warnings

import numpy as np
import pytest

pytest.importorskip("keras")

from model.input.standardise import Standardisation, save_statistics, standardise
from training.fitting.statistics import fit_statistics

HOW = {
    "centre": Standardisation(featurewise_center=True),
    "deviation": Standardisation(
        rescale=1 / 255, featurewise_center=True, featurewise_std_normalization=True
    ),
    "ZCA": Standardisation(rescale=1 / 255, featurewise_center=True, zca_whitening=True),
}


@pytest.fixture(scope="module")
def greys() -> np.ndarray:
    """(12, 6, 6) float32, 0..1, smooth in one direction: pixels that tell of their neighbours."""
    noise = np.random.default_rng(0).random((12, 6, 8))
    return ((noise[..., :-2] + noise[..., 1:-1] + noise[..., 2:]) / 3).astype(np.float32)


def kept(greys, how, folder):
    save_statistics(fit_statistics(greys, how), folder / "statistics.npz")
    return [standardise(grey, how, folder / "statistics.npz")[..., 0] for grey in greys]


@pytest.mark.parametrize("name", HOW)
def test_they_are_those_of_keras(greys, name, tmp_path):
    legacy = pytest.importorskip("keras.src.legacy.preprocessing.image")
    how = HOW[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = legacy.ImageDataGenerator(
            rescale=how.rescale,
            featurewise_center=how.featurewise_center,
            featurewise_std_normalization=how.featurewise_std_normalization,
            zca_whitening=how.zca_whitening,
        )
        levels = greys[..., None] * 255
        theirs.fit(levels)
        expected = [theirs.standardize(image.copy())[..., 0] for image in levels]
    np.testing.assert_allclose(kept(greys, how, tmp_path), expected, rtol=1e-3, atol=2e-3)


def test_zca_leaves_pixels_that_tell_nothing_of_each_other(greys, tmp_path):
    # More images than pixels, so that every direction is known.
    many = np.concatenate([np.roll(greys, turn, axis=1) for turn in range(6)])
    white = np.stack(kept(many, HOW["ZCA"], tmp_path)).reshape(len(many), -1)
    spread = white.T @ white / len(white)
    np.testing.assert_allclose(spread, np.eye(36), atol=0.02)


def test_the_mean_is_taken_after_each_images_own(greys):
    how = Standardisation(samplewise_std_normalization=True, featurewise_center=True)
    assert fit_statistics(greys, how).mean == pytest.approx(0, abs=1e-6)
