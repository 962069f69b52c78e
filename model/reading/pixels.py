"""Arrays of pixels (H, W): averaged to fewer, stretched to 0..1."""

import numpy as np
from PIL import Image

from model.errors import UnreadableImage

_BAND_ROWS = 256  # a large picture is reduced so many rows at a time: copies of it stay small


def shrunk(values: np.ndarray, at_least: int | None) -> np.ndarray:
    """Average blocks of a (H, W) array of any number type, leaving `at_least` a side or more.

    Returns: float32 when something was averaged, else the array itself.
    """
    factor = reduction(values.shape, at_least)
    if factor <= 1:
        return values
    rows = band_rows(factor)
    return np.concatenate(
        [averaged(values[top : top + rows], factor) for top in range(0, len(values), rows)]
    )


def stretched(values: np.ndarray) -> np.ndarray:
    """Map the finite values of an array to 0..1, float32; a constant array becomes zeros.

    Raises UnreadableImage when no value is finite.
    """
    values = values.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        if not finite.any():
            raise UnreadableImage("The image holds no valid pixel value. Export it again.")
        values = np.where(finite, values, values[finite].min())
    low, high = values.min(), values.max()
    if high <= low:
        return np.zeros_like(values)
    if not np.isfinite(high - low):  # from -3e38 to 3e38, say
        values, low, high = values / 2, low / 2, high / 2
    values -= low
    values /= high - low
    return values


def reduction(size: tuple[int, ...], at_least: int | None) -> int:
    """By how much both sides can be divided and still leave `at_least` pixels."""
    return max(1, min(size) // at_least) if at_least else 1


def band_rows(factor: int) -> int:
    """About 256 rows, a multiple of `factor`."""
    return factor * max(1, _BAND_ROWS // factor)


def averaged(values: np.ndarray, factor: int) -> np.ndarray:
    return np.asarray(Image.fromarray(values.astype(np.float32)).reduce(factor))
