"""Text that is burned into a radiograph: where lines of letters seem to be, from the pixels alone.

Letters make the brightness rise and fall many times within a few pixels, along a line that is many
letters long; ribs, wires and single markers (L, R, also in a circle) do not. Nothing is read: a
marker with a technician's initials, or a scale, is reported like a name. How often it is right, and
what it misses: docs/security.md. Text that stands on its side is not looked for.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from model.framing.box import Box
from model.reading.radiograph import Radiograph

ROW_STRIDE = 2  # a letter has several rows, so every second one will do
CELL = 8  # columns that are counted together
ROWS_OF_SQUARE = CELL // ROW_STRIDE
SPACE = 4  # cells between words of a line; above and below there is none
# What counts as rising or falling between neighbours, of the range 0..1; and how many pixels do, at
# least, both ways, in a window of two of those rows and two cells, and in the window right of it
# too, so that a single letter is not enough. Large letters have fewer strokes than small ones, and
# faint ones have to have more than clear ones, since grain has some.
STROKES = ((0.12, 6), (0.06, 7))
# Around such a place, windows with so many belong to the same text.
SOME = 3
# A single letter in a circle or a frame has as many strokes as text, but all at one place. It is so
# high, in pixels (lines are lower, and what is higher is text that touches a bone or a wire), and
# no wider than so many times its height.
MARKER_HEIGHT, MARKER_WIDTH = range(22, 49), 2
MARGIN = 1.5  # cells around what was found: ends of words have fewer strokes


def text_boxes(pixels: np.ndarray) -> tuple[Box, ...]:
    """Where text seems to be, mostly one box a line or a block; none where there seems to be none.

    pixels: (H, W) float32 grey, 0..1, at the size at which the network's input is decoded; it is
    left alone. Takes well under a millisecond where nothing is found.
    """
    rows = pixels[::ROW_STRIDE]
    if len(rows) < 2 or pixels.shape[1] < 4 * CELL + 1:
        return ()
    steps = rows[:, 1:] - rows[:, :-1]
    some, sure = (np.zeros((), bool),) * 2
    for step, many in STROKES:
        strokes = np.minimum(_counts(steps > step), _counts(steps < -step))
        some = some | (strokes >= SOME)
        sure = sure | (np.minimum(strokes[:, :-2], strokes[:, 2:]) >= many)
    if not sure.any():
        return ()
    groups = _groups(some, sure)
    return tuple(_box(group, pixels.shape) for group in groups if not _is_marker(group, sure))


def without_text(radiograph: Radiograph, boxes: Sequence[Box]) -> Radiograph:
    """The same with black in those places; pixels of the given one are left alone."""
    if not boxes:
        return radiograph
    pixels = radiograph.pixels.copy()
    height, width = pixels.shape
    for left, top, right, bottom in boxes:
        rows = slice(int(top * height), int(np.ceil(bottom * height)))
        pixels[rows, int(left * width) : int(np.ceil(right * width))] = 0
    return dataclasses.replace(radiograph, pixels=pixels)


def _counts(steps: np.ndarray) -> np.ndarray:
    """Of (h, w) bool, how many are true in each window: (h - 1, w / CELL - 1) uint8."""
    cells = np.bitwise_count(np.packbits(steps, axis=1))
    cells = cells[:-1] + cells[1:]
    return cells[:, :-1] + cells[:, 1:]


def _groups(some: np.ndarray, sure: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Windows of `some` that lie beside each other, where one of `sure` is among them.

    They are joined in squares of CELL pixels; what is far from text is never looked at. Returns:
    of each group the first and last row, the first and last cell.
    """
    by_square, sure_squares = _by_square(some), _by_square(sure).any(axis=1)
    left = _runs(by_square.any(axis=1))  # not in a group yet
    groups = []
    for row, cell in np.argwhere(sure_squares).tolist():
        first = [run for run in left[row] if run[0] <= cell <= run[1]]
        if not first:
            continue  # in a group already
        left[row].remove(first[0])
        group, edge = [(row, *first[0])], [(row, *first[0])]
        while edge:
            y, begin, end = edge.pop()
            for beside in range(max(0, y - 1), min(len(left), y + 2)):
                for run in left[beside][:]:
                    if run[0] <= end + SPACE and run[1] >= begin - SPACE:
                        left[beside].remove(run)
                        group.append((beside, *run))
                        edge.append((beside, *run))
        groups.append(_extent(group, by_square))
    return groups


def _by_square(windows: np.ndarray) -> np.ndarray:
    """(h, w) bool → (h / ROWS_OF_SQUARE, ROWS_OF_SQUARE, w), false where there are none."""
    padded = np.pad(windows, ((0, -len(windows) % ROWS_OF_SQUARE), (0, 0)))
    return padded.reshape(-1, ROWS_OF_SQUARE, windows.shape[1])


def _runs(squares: np.ndarray) -> list[list[tuple[int, int]]]:
    """Of (h, w) bool, for each row its runs of true ones, first and last; a run may have gaps of a
    space."""
    rows, cells = np.nonzero(squares)
    begins = np.flatnonzero((np.diff(rows, prepend=-1) > 0) | (np.diff(cells, prepend=0) > SPACE))
    ends = np.append(begins[1:], len(rows)) - 1
    runs: list[list[tuple[int, int]]] = [[] for _ in squares]
    for row, first, last in np.stack([rows[begins], cells[begins], cells[ends]], axis=1).tolist():
        runs[row].append((first, last))
    return runs


def _extent(group: list[tuple[int, int, int]], by_square: np.ndarray) -> tuple[int, int, int, int]:
    """group: row, first and last cell of its runs."""
    rows, begins, ends = zip(*group, strict=True)

    def lines(at: int) -> np.ndarray:
        """Which of a square's rows have something of the group."""
        parts = [by_square[at][:, begin : end + 1] for row, begin, end in group if row == at]
        return np.flatnonzero(np.concatenate(parts, axis=1).any(axis=1))

    return (
        min(rows) * ROWS_OF_SQUARE + int(lines(min(rows))[0]),
        max(rows) * ROWS_OF_SQUARE + int(lines(max(rows))[-1]),
        min(begins),
        max(ends),
    )


def _is_marker(group: tuple[int, int, int, int], sure: np.ndarray) -> bool:
    first_row, last_row, first_cell, last_cell = group
    inside = sure[first_row : last_row + 1, first_cell : last_cell + 1]
    columns, rows = inside.any(axis=0), np.flatnonzero(inside.any(axis=1))
    # Several short lines above each other have a gap between them.
    at_one_place = columns.sum() <= 1 and np.all(np.diff(rows) == 1)
    height, width = (last_row - first_row + 2) * ROW_STRIDE, (last_cell - first_cell + 2) * CELL
    return bool(at_one_place) and height in MARKER_HEIGHT and width <= MARKER_WIDTH * height


def _box(group: tuple[int, int, int, int], shape: tuple[int, ...]) -> Box:
    height, width = shape
    first_row, last_row, first_cell, last_cell = group
    return Box(
        (first_cell - MARGIN) * CELL / width,
        (first_row * ROW_STRIDE - MARGIN * CELL) / height,
        (last_cell + 2 + MARGIN) * CELL / width,
        ((last_row + 2) * ROW_STRIDE + MARGIN * CELL) / height,
    ).inside
