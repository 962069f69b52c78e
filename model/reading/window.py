"""Which of a DICOM file's grey values are shown, and how bright: its window, and its padding."""

import struct

import numpy as np
import pydicom
from pydicom.pixels import apply_voi_lut

from model.errors import UnreadableImage
from model.reading.pixels import stretched

# What pydicom raises for an invalid window or table.
_NO_WINDOW = (AttributeError, LookupError, TypeError, ValueError, struct.error, UnreadableImage)
_SATURATED = 0.95  # share of black or white pixels above which a stored window is not believed


def blackened(stored: np.ndarray, dataset: pydicom.Dataset) -> np.ndarray:
    """Where the detector saw nothing, which the file may name, the value that is shown black."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return stored
    limit = dataset.get("PixelPaddingRangeLimit", value)
    padding = (stored >= min(value, limit)) & (stored <= max(value, limit))
    if padding.all():
        return stored
    shown = stored[~padding]
    falls = float(dataset.get("RescaleSlope") or 1) < 0
    is_negative = dataset.PhotometricInterpretation == "MONOCHROME1"
    return np.where(padding, shown.max() if falls != is_negative else shown.min(), stored)


def windowed(values: np.ndarray, dataset: pydicom.Dataset) -> np.ndarray:
    """(H, W) float32 of the same shape, 0..1: through the file's window or lookup table when it has
    one that leaves a picture, else over the full range."""
    if "VOILUTSequence" in dataset or "WindowCenter" in dataset:
        # A lookup table takes integers only.
        given = np.rint(values).astype(np.int32) if "VOILUTSequence" in dataset else values
        try:
            window = stretched(apply_voi_lut(given, dataset))
        except _NO_WINDOW:
            # Neither is the picture itself: a width of 0 or a table without entries hides nothing.
            return stretched(values)
        if np.count_nonzero((window == 0) | (window == 1)) < _SATURATED * window.size:
            return window
    return stretched(values)


def window_in(
    values: np.ndarray, whole: np.ndarray, dataset: pydicom.Dataset
) -> tuple[float, float]:
    """The file's window as a part of 0..1 of `whole`, or (0, 1) when it shows no picture."""
    try:
        centre, width = (
            float(np.atleast_1d(dataset[name].value)[0]) for name in ("WindowCenter", "WindowWidth")
        )
    except _NO_WINDOW:
        return 0.0, 1.0
    finite = values[np.isfinite(values)]
    least, span = float(finite.min()), float(np.ptp(finite))
    if not (span > 0 and width > 0 and np.isfinite([centre, width]).all()):
        return 0.0, 1.0
    low, high = (centre - width / 2 - least) / span, (centre + width / 2 - least) / span
    if np.count_nonzero((whole > low) & (whole < high)) < (1 - _SATURATED) * whole.size:
        return 0.0, 1.0
    return max(0.0, low), min(1.0, high)
