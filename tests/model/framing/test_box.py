"""Boxes and the pictures cut from them."""

import numpy as np
import pytest

from model.framing.box import WHOLE, Box, cut, on_film, square_around


def test_a_square_keeps_the_centre_and_the_proportions():
    box = square_around(Box(0.2, 0.1, 0.6, 0.9), width=400, height=300, margin=0.25)

    assert ((box.left + box.right) / 2, (box.top + box.bottom) / 2) == pytest.approx((0.4, 0.5))
    assert (box.right - box.left) * 400 == pytest.approx((box.bottom - box.top) * 300)
    assert (box.bottom - box.top) * 300 == pytest.approx(0.8 * 300 * 1.5)


def test_what_lies_beyond_the_film_is_black_and_named():
    film = np.full((60, 40), 0.5, np.float32)

    picture, (rows, columns) = cut(film, Box(-0.5, 0.0, 1.0, 1.0), 30)

    assert (rows, columns) == (slice(0, 30), slice(10, 30))
    assert picture[rows, columns] == pytest.approx(0.5)
    assert (picture[:, :10] == 0).all()


def test_the_whole_film_is_all_film():
    picture, place = cut(np.ones((20, 20), np.float32), WHOLE, 10)
    assert place == (slice(0, 10), slice(0, 10))
    assert picture == pytest.approx(1)


def test_a_map_that_reaches_beyond_the_film_is_cut_to_it():
    grid = np.repeat(np.arange(4, dtype=np.float32)[:, None], 4, axis=1)  # a cell a row

    shown = on_film(grid, Box(0.0, -1.0, 1.0, 1.0))  # the upper half lies beyond

    assert shown.shape == (4, 4)
    assert shown[0] == pytest.approx(2, abs=0.3)
    assert shown[-1] == pytest.approx(3, abs=0.3)
    np.testing.assert_array_equal(on_film(grid, WHOLE), grid)
