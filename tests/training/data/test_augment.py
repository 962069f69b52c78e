"""Augmentation: valid pictures, the same for the same seed, nothing at all when switched off."""

from dataclasses import fields, replace

import numpy as np
import pytest

from model.input.preprocess import Preprocessing, crop_and_stretch

pytest.importorskip("skimage")

from training.data.augment import Augmentation, augment
from training.data.style import style_of

PREPROCESSING = Preprocessing(size=48, border=0.05)
# As the network is served: the same border on each side, and no other change.
OFF = Augmentation(
    **{field.name: 0 for field in fields(Augmentation)} | {"crop_least": 0.05, "crop": 0.05}
)
CHANGES = {
    "crop": {"crop_least": 0, "crop": 0.12},
    "flip": {"flip": 1},
    "rotation": {"rotation": 10},
    "shear": {"shear": 10},
    "clahe": {"clahe": 1},
    "restyle": {"restyle": 1},
    "shading": {"shading": 0.3},
    "gamma": {"gamma": 0.4},
    "contrast": {"contrast": 0.25},
    "brightness": {"brightness": 0.08},
    "resample": {"resample": 1},
    "blur": {"blur": 1},
    "noise": {"noise": 1},
    "jpeg": {"jpeg": 1},
    "webp": {"webp": 1},
}


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """(80, 100): a gradient with a bright patch, different in every corner."""
    rows, columns = np.mgrid[0:80, 0:100] / np.float32(100)
    picture = (0.2 + 0.5 * rows + 0.2 * columns**2).astype(np.float32)
    picture[10:30, 15:35] = 0.95
    return picture


def augmented(pixels, augmentation=None, seed=0) -> np.ndarray:
    random = np.random.default_rng(seed)
    donor = style_of(np.random.default_rng(1).random((48, 48), np.float32))
    return augment(pixels, augmentation or Augmentation(), PREPROCESSING, random, [[donor]])


def test_shape_type_and_range(pixels):
    for seed in range(40):
        found = augmented(pixels, seed=seed)
        assert (found.shape, found.dtype) == ((48, 48), np.float32)
        assert found.min() >= 0
        assert found.max() <= 1


def test_the_seed_decides(pixels):
    np.testing.assert_array_equal(augmented(pixels, seed=3), augmented(pixels, seed=3))
    assert not np.array_equal(augmented(pixels, seed=3), augmented(pixels, seed=4))


def test_the_picture_is_left_alone(pixels):
    before = pixels.copy()
    for seed in range(20):
        augmented(pixels, seed=seed)
    np.testing.assert_array_equal(pixels, before)


def test_all_switched_off_is_what_is_served(pixels):
    served = crop_and_stretch(pixels, PREPROCESSING, PREPROCESSING.box)
    for seed in range(20):
        np.testing.assert_allclose(augmented(pixels, OFF, seed), served, atol=1e-6)


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_alone_does_something_and_not_too_much(pixels, change):
    served = crop_and_stretch(pixels, PREPROCESSING, PREPROCESSING.box)
    alone = replace(OFF, **CHANGES[change])
    found = [augmented(pixels, alone, seed) for seed in range(20)]
    differences = [np.abs(picture - served).mean() for picture in found]

    assert max(differences) > 1e-3
    if change != "flip":
        assert max(differences) < 0.2


def test_a_flip_is_a_mirror_image(pixels):
    served = crop_and_stretch(pixels, PREPROCESSING, PREPROCESSING.box)
    np.testing.assert_allclose(augmented(pixels, replace(OFF, flip=1)), served[:, ::-1], atol=1e-6)
