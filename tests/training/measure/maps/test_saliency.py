"""Deletion, insertion and Grad-CAM, on networks of which it is known what decides."""

import numpy as np
import pytest

pytest.importorskip("keras")

from model.engines.output import Output
from model.input.preprocess import IMAGENET_MEAN_BGR, Preprocessing, to_input
from model.input.standardise import Standardisation
from model.networks import build
from tests.support.toys import toy_images
from training.measure.maps.saliency import curves, grad_cam, moves

SIZE = 48


class LooksTopLeft:
    """The probability of class 1 is how much the top left quarter still looks like stripes.

    mean, scale: of its input, whose first channel is grey values times the scale less the mean.
    """

    batch_size = 8

    def __init__(self, mean: float, scale: float) -> None:
        self._mean, self._scale = mean, scale

    def predict(self, images: np.ndarray) -> Output:
        self.seen = images
        grey = (images[..., 0] + self._mean) / self._scale
        striped = grey[:, : SIZE // 2, : SIZE // 2].std(axis=(1, 2)) * 2
        return Output(np.stack([1 - striped, striped], axis=1), {})


@pytest.mark.parametrize("standardisation", [None, Standardisation(rescale=1 / 255)])
def test_a_map_that_knows_what_decides_takes_it_away_first(standardisation):
    stripes = (np.indices((SIZE, SIZE))[1] % 2).astype(np.float32)
    image = to_input(stripes, Preprocessing(standardisation=standardisation))
    looks = LooksTopLeft(0, 1) if standardisation else LooksTopLeft(IMAGENET_MEAN_BGR[0], 255)
    knows = np.zeros((4, 4))
    knows[:2, :2] = 1
    right, wrong = (curves(looks, image, grid, 1) for grid in (knows, 1 - knows))

    np.testing.assert_allclose(looks.seen[0], image, atol=1e-4)  # nothing is taken away yet
    assert right[0] < 0.3 < 0.7 < wrong[0]  # deletion
    assert wrong[1] < 0.3 < 0.7 < right[1]  # insertion


def test_brightest_points_that_are_apart():
    here, beside, there = np.zeros((3, 10, 10))
    here[2, 2] = beside[2, 3] = there[7, 7] = 1
    assert moves([here, here], [beside, there]).tolist() == [False, True]


def test_grad_cam_of_each_of_two_classes():
    network = build("vgg_baseline", {"size": 64, "classes": 2})
    images = toy_images(3, 64)
    for target in (0, 1):
        found = grad_cam(network, images, np.full(3, target))
        assert found.shape == (3, 4, 4)
        assert found.dtype == np.float32
        assert found.min() >= 0
    one, other = (grad_cam(network, images, np.full(3, target)) for target in (0, 1))
    # Of two classes, what speaks for one speaks against the other.
    assert not np.logical_and(one > 1e-12, other > 1e-12).any()
