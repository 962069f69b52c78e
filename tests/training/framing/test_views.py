"""Views of films that the finder of lungs is taught with."""

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("skimage")

from model.framing.box import Box
from model.framing.lungs import SIDE
from training.data.samples import Sample
from training.framing.fitting import laplace, network
from training.framing.views import MIN_VISIBLE, Film, view


@pytest.fixture
def film(tmp_path) -> Film:
    """A grey film with one white rectangle, where the lungs are said to be."""
    pixels = np.full((120, 100), 60, np.uint8)
    pixels[30:90, 20:80] = 220
    sample = Sample(tmp_path / "film.png", "NORMAL", "train", "1", "here")
    return Film(sample, pixels, Box(0.2, 0.25, 0.8, 0.75))


def test_the_box_is_where_the_lungs_are(film):
    random = np.random.default_rng(0)
    nearer = []
    for _ in range(200):
        grey, box = view(film, random)
        assert (grey.shape, grey.dtype) == ((SIDE, SIDE), np.float32)
        assert 0 <= grey.min() <= grey.max() <= 1
        assert 0 <= box.left < box.right <= 1
        assert 0 <= box.top < box.bottom <= 1
        rows = slice(round(box.top * SIDE), round(box.bottom * SIDE))
        columns = slice(round(box.left * SIDE), round(box.right * SIDE))
        inside = np.zeros((SIDE, SIDE), bool)
        inside[rows, columns] = True
        bright = grey > np.median(grey[inside]) - 0.25
        nearer.append((bright == inside).mean() > 0.75)
    # Not in every view: some are negatives, and some are padded with white.
    assert np.mean(nearer) > 0.6
    assert 0 < MIN_VISIBLE < 1


def test_a_sure_mistake_costs_more_than_an_unsure_one():
    true = np.array([[0.1, 0.1, 0.9, 0.9]], np.float32)

    def cost(error: float, log_spread: float) -> float:
        said = np.concatenate([true + error, np.full((1, 4), log_spread)], axis=1)
        return float(laplace(true, said.astype(np.float32))[0])

    assert cost(0.0, -4) < cost(0.0, -1) < cost(0.3, -1) < cost(0.3, -4)


def test_the_network_answers_eight_numbers():
    finder = network()
    assert finder.output_shape == (None, 8)
    assert finder.count_params() < 200_000
