"""The standardisation of an input: on pixels, and as Keras' own generator computes it."""

from dataclasses import replace

import numpy as np
import pytest

from model.input.preprocess import Preprocessing, prepare
from model.input.standardise import Standardisation, Statistics, save_statistics, standardise

GREY = np.random.default_rng(0).random((8, 8)).astype(np.float32)


def test_rescale_gives_three_equal_channels():
    found = standardise(GREY, Standardisation(rescale=1 / 255), None)
    assert (found.shape, found.dtype) == ((8, 8, 3), np.float32)
    for channel in range(3):
        np.testing.assert_allclose(found[..., channel], GREY, atol=1e-6)
    np.testing.assert_allclose(standardise(GREY, Standardisation(), None)[..., 0], GREY * 255)


def test_samplewise_steps_use_the_image_alone():
    centred = standardise(GREY, Standardisation(samplewise_center=True), None)
    assert centred.mean() == pytest.approx(0, abs=1e-4)
    assert centred.std() == pytest.approx(255 * GREY.std(), rel=1e-4)
    scaled = standardise(GREY, Standardisation(samplewise_std_normalization=True), None)
    assert scaled.mean() == pytest.approx(0, abs=1e-5)
    assert scaled.std() == pytest.approx(1, rel=1e-4)


def test_featurewise_steps_use_the_kept_statistics(tmp_path):
    file = tmp_path / "statistics.npz"
    how = Standardisation(rescale=1 / 255, featurewise_center=True)
    with pytest.raises(ValueError, match="statistics of the training images"):
        standardise(GREY, how, None)
    save_statistics(Statistics(0.25, 0.5), file)
    np.testing.assert_allclose(standardise(GREY, how, file)[..., 0], GREY - 0.25, atol=1e-6)
    how = replace(how, featurewise_std_normalization=True)
    np.testing.assert_allclose(standardise(GREY, how, file)[..., 2], (GREY - 0.25) / 0.5, atol=1e-5)
    save_statistics(Statistics(0.5, 0.5), file)
    np.testing.assert_allclose(standardise(GREY, how, file)[..., 0], (GREY - 0.5) / 0.5, atol=1e-5)


def test_an_input_says_what_it_is_and_serving_applies_it():
    plain = Preprocessing(size=8, border=0.0)
    rescaled = replace(plain, standardisation=Standardisation(rescale=1 / 255))
    again = Preprocessing(**rescaled.parameters)
    assert again == rescaled != plain
    assert plain.id != rescaled.id != replace(rescaled, standardisation=Standardisation()).id
    pixels = np.random.default_rng(1).random((20, 20)).astype(np.float32)
    image = prepare(pixels, again).image
    assert image.min() == pytest.approx(0, abs=0.01)
    assert image.max() == pytest.approx(1, abs=0.01)
