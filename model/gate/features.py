"""What the gate measures: the coarse shape of a picture, whatever its contrast and polarity.

Three views, all cheap: a small thumbnail turned to the polarity of a chest; a histogram of
oriented gradients (Dalal and Triggs, CVPR 2005) with unsigned directions, the same for a negative
as for a positive film; and ten numbers about texture, symmetry and proportions.
"""

import numpy as np
from PIL import Image

SIDE = 64  # pixels a side of the picture that everything is measured on
CELLS = 8  # cells a side of the gradient histogram
DIRECTIONS = 8  # of 180 degrees
THUMB = 16  # pixels a side of the thumbnail
FINE = 128  # pixels a side of the picture that texture is measured on

# Where the features of texture that a rule of the gate reads stand, from the end.
BLACK, WHITE = -3, -2  # shares of pixels that are black, white

_BORDER_SPREAD = 0.02  # a row that varies less than this belongs to the border
_MAX_BORDER = 0.3  # of the side, at each edge
_BLOCK_FLOOR = 0.35  # keeps flat regions from being blown up to full strength


def measure(pixels: np.ndarray, template: np.ndarray) -> np.ndarray:
    """The features of a picture, (D,) float32. The input is left alone.

    pixels: (H, W) float32 0..1.
    template: (THUMB, THUMB) float32, the mean thumbnail of chests; it decides the polarity.
    """
    fine = _fine(pixels)
    small = _halved(fine)
    thumb = small.reshape(THUMB, SIDE // THUMB, THUMB, SIDE // THUMB).mean(axis=(1, 3))
    thumb = (thumb - thumb.mean()) / (thumb.std() + 1e-3)
    likeness = float((thumb * template).mean())
    if likeness < 0:
        thumb, likeness = -thumb, -likeness
    return np.concatenate(
        [
            thumb.ravel(),
            _gradient_histogram(small),
            _texture(small, fine, likeness, pixels.shape),
        ]
    ).astype(np.float32)


def _fine(pixels: np.ndarray) -> np.ndarray:
    """(FINE, FINE) float32, the darkest and brightest hundredth clipped to 0 and 1."""
    cut = Image.fromarray(np.ascontiguousarray(_without_borders(pixels), dtype=np.float32))
    fine = np.asarray(cut.resize((FINE, FINE), Image.Resampling.BOX, reducing_gap=2.0))
    hundredth = fine.size // 100
    ordered = np.partition(fine, (hundredth, -1 - hundredth), axis=None)
    low, high = ordered[hundredth], ordered[-1 - hundredth]
    return np.clip((fine - low) / max(high - low, 1e-6), 0, 1)


def _halved(fine: np.ndarray) -> np.ndarray:
    return (fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2]) / 4


def _without_borders(pixels: np.ndarray) -> np.ndarray:
    """Cut rows and columns at the edges that show one grey level only."""
    step = max(1, min(pixels.shape) // 128)
    sample = pixels[::step, ::step]
    spread = max(float(sample.std()), 1e-6)
    top, bottom = _content(sample.std(axis=1) > _BORDER_SPREAD * spread)
    left, right = _content(sample.std(axis=0) > _BORDER_SPREAD * spread)
    return pixels[top * step : bottom * step, left * step : right * step]


def _content(lively: np.ndarray) -> tuple[int, int]:
    most = int(_MAX_BORDER * lively.size)
    first = int(np.argmax(lively[: most + 1])) if lively[: most + 1].any() else most
    last = int(np.argmax(lively[::-1][: most + 1])) if lively[::-1][: most + 1].any() else most
    return first, lively.size - last


def _gradient_histogram(small: np.ndarray) -> np.ndarray:
    """(CELLS * CELLS * DIRECTIONS,) float32, each neighbourhood of 3x3 cells of about length 1."""
    vertical, horizontal = np.gradient(small)
    strength = np.hypot(vertical, horizontal)
    direction = (np.arctan2(vertical, horizontal) % np.pi) * (DIRECTIONS / np.pi)
    lower = np.floor(direction)
    share = direction - lower
    lower = lower.astype(np.intp) % DIRECTIONS
    row, column = np.indices(small.shape) * CELLS // SIDE
    cell = (row * CELLS + column) * DIRECTIONS
    size = CELLS * CELLS * DIRECTIONS
    histogram = np.bincount(
        (cell + lower).ravel(), (strength * (1 - share)).ravel(), size
    ) + np.bincount((cell + (lower + 1) % DIRECTIONS).ravel(), (strength * share).ravel(), size)
    histogram = histogram.reshape(CELLS, CELLS, DIRECTIONS)
    energy = np.pad((histogram**2).sum(axis=2), 1, mode="edge")
    around = sum(energy[i : i + CELLS, j : j + CELLS] for i in range(3) for j in range(3)) / 9
    return (histogram / np.sqrt(around + _BLOCK_FLOOR**2)[..., None]).ravel()


def _texture(
    small: np.ndarray, fine: np.ndarray, likeness: float, shape: tuple[int, int]
) -> np.ndarray:
    across, down = np.diff(fine, axis=1), np.diff(fine, axis=0)
    curvature = np.diff(across, axis=1)
    mirrored = small[:, ::-1]
    centred = small - small.mean()
    symmetry = (centred * (mirrored - small.mean())).mean() / (small.var() + 1e-6)
    coarse = small.reshape(16, 4, 16, 4).mean(axis=(1, 3))
    return np.array(
        [
            likeness,
            symmetry,
            np.clip(np.log(shape[1] / shape[0]), -1, 1),
            np.log(np.abs(across).mean() + 1e-4),
            np.log(np.abs(down).mean() + 1e-4),
            np.log(np.abs(curvature).mean() + 1e-4),
            (np.abs(across) > 0.25).mean(),
            (fine <= 0.02).mean(),
            (fine >= 0.98).mean(),
            np.log(coarse.var() / (small.var() + 1e-6) + 1e-3),
        ]
    )
