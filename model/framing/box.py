"""Parts of an X-ray as boxes, and pictures of such parts."""

from typing import NamedTuple

import numpy as np
from PIL import Image


class Box(NamedTuple):
    """A part of the X-ray, as shares of its width and height.

    Shares under 0 or over 1 lie beyond the film's edge.
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def inside(self) -> "Box":
        """The part of it that is on the film."""
        return Box(*(min(1.0, max(0.0, edge)) for edge in self))

    def within(self, other: "Box") -> "Box":
        """The same box, as shares of `other`."""
        width, height = other.right - other.left, other.bottom - other.top
        return Box(
            (self.left - other.left) / width,
            (self.top - other.top) / height,
            (self.right - other.left) / width,
            (self.bottom - other.top) / height,
        )


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def square_around(box: Box, width: int, height: int, margin: float) -> Box:
    """The box as a square of pixels of a film of that size, so that no aspect ratio changes.

    margin: share of the longer side that is added on each side. May lie beyond the film's edge.
    """
    side = max((box.right - box.left) * width, (box.bottom - box.top) * height) * (1 + 2 * margin)
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    across, down = side / width / 2, side / height / 2
    return Box(x - across, y - down, x + across, y + down)


def cut(pixels: np.ndarray, box: Box, size: int) -> tuple[np.ndarray, tuple[slice, slice]]:
    """A part of the film as a square picture; what lies beyond the film is 0.

    pixels: (H, W) float32; left alone. Returns: (size, size) float32, and the rows and columns of
    it that show film (at least one each).
    """
    height, width = pixels.shape
    shown = box.inside
    place = shown.within(box)
    rows = _whole(place.top, place.bottom, size)
    columns = _whole(place.left, place.right, size)
    part = Image.fromarray(pixels).resize(
        (columns.stop - columns.start, rows.stop - rows.start),
        Image.Resampling.BILINEAR,
        box=(
            shown.left * width, shown.top * height, shown.right * width, shown.bottom * height,
        ),
    )  # fmt: skip
    picture = np.zeros((size, size), np.float32)
    picture[rows, columns] = np.asarray(part)
    return picture, (rows, columns)


def on_film(grid: np.ndarray, box: Box) -> np.ndarray:
    """A map of `box` as a map of `box.inside`, with as many cells.

    grid: (h, w) float; left alone. Returns: (h, w) float32.
    """
    grid = np.asarray(grid, np.float32)
    if box.inside == box:
        return grid
    height, width = grid.shape
    place = box.inside.within(box)
    edges = (place.left * width, place.top * height, place.right * width, place.bottom * height)
    return np.asarray(
        Image.fromarray(grid).resize((width, height), Image.Resampling.BILINEAR, box=edges)
    )


def _whole(low: float, high: float, size: int) -> slice:
    first = min(size - 1, round(low * size))
    return slice(first, max(first + 1, round(high * size)))
