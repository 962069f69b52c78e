"""Maps against boxes: a map that knows, one that knows nothing, and one that is wrong."""

import numpy as np
import pytest

pytest.importorskip("skimage")

from model.framing.box import WHOLE, Box
from training.measure.maps.pointing import pointing

LEFT = Box(0.0, 0.0, 0.5, 1.0)


def figures(grid: np.ndarray, shown: Box = WHOLE) -> dict[str, float]:
    found = pointing(np.stack([grid] * 4), [shown] * 4, [[LEFT]] * 4, list("abcd"), resamples=20)
    return {name: figure.value for name, figure in found.items()}


def test_a_map_that_is_bright_in_the_box():
    grid = np.zeros((4, 4), np.float32)
    grid[1, 1] = 1

    assert list(figures(grid).values()) == pytest.approx([1, 1, 0.5])
    assert list(figures(grid[:, ::-1].copy()).values()) == pytest.approx([0, 0, 0.5])


def test_a_map_without_any_idea_has_the_share_of_the_area():
    for value in (0.3, 0.0):
        found = figures(np.full((4, 4), value, np.float32))
        assert found["share_of_the_map_in_boxes"] == pytest.approx(found["area_of_the_boxes"])


def test_the_brightest_point_is_the_middle_of_its_cell():
    """The first of the columns ends at 0.6: in its middle it is in the box, at its edges not."""
    middle = Box(0.2, 0.1, 0.5, 0.5)
    grid = np.array([[1, 0]], np.float32).repeat(2, axis=0)
    shown = Box(0.0, 0.0, 1.2, 1.0)
    found = pointing([grid], [shown], [[middle]], ["a"], resamples=2)
    assert found["brightest_point_in_a_box"].value == 1


def test_a_map_of_a_part_is_compared_with_that_part():
    found = figures(np.ones((4, 4), np.float32), shown=Box(0.25, 0.0, 0.75, 1.0))
    assert found["area_of_the_boxes"] == pytest.approx(0.5)
    assert figures(np.ones((4, 4), np.float32), Box(0, 0, 0.5, 1))["area_of_the_boxes"] == 1
