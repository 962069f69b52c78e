"""The one preprocessing, for fitting, evaluating and serving: a grey X-ray to the network's input.

The borders are cut off, because markers, burned-in text and collimator edges there tell the
hospital and not the lungs; the rest is stretched between two percentiles of its own grey values,
because exposure and windowing differ between machines; then it is what VGG16 was trained with
(Simonyan and Zisserman, arXiv 1409.1556): BGR, 0..255, minus ImageNet's mean colour.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

IMAGENET_MEAN_BGR = np.array([103.939, 116.779, 123.68], dtype=np.float32)
# Below this range (of 0..1) a picture is flat, and stretching it would show nothing but noise.
MIN_RANGE = 1e-3


class Box(NamedTuple):
    """The part of the X-ray that the network sees, as shares (0..1) of its width and height."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Preprocessing:
    """The parameters, as an artifact's metadata keeps them.

    size: S, width and height of the network's input in pixels.
    border: share of width and of height that is cut off on each side, 0..0.4.
    low, high: percentiles (0..100) of the grey values that become 0 and 1.
    """

    size: int = 150
    border: float = 0.06
    low: float = 1.0
    high: float = 99.0

    def __post_init__(self) -> None:
        if not (self.size >= 8 and 0 <= self.border <= 0.4 and 0 <= self.low < self.high <= 100):
            raise ValueError(
                "Preprocessing needs size >= 8, border in 0..0.4 and 0 <= low < high <= 100. "
                f"Received: {self}"
            )

    @property
    def id(self) -> str:
        """Names the parameters in one word."""
        return f"border{self.border:g}-stretch{self.low:g}:{self.high:g}-vgg{self.size}"

    @property
    def min_side(self) -> int:
        """Pixels that a decoded X-ray needs a side, unless the file has fewer: twice the network's
        size, so that the last step down still averages pixels."""
        return 2 * self.size

    @property
    def box(self) -> Box:
        return Box(self.border, self.border, 1 - self.border, 1 - self.border)


def prepare(
    pixels: np.ndarray, preprocessing: Preprocessing, box: Box | None = None
) -> tuple[np.ndarray, Box]:
    """A grey X-ray to the network's input.

    pixels: (H, W) float32 grey, 0..1, bright = dense; left alone.
    box: another part than `preprocessing.box` (augmentation jitters it).
    Returns: (S, S, 3) float32, BGR, mean-centred, and the part of the X-ray that it shows. The
    aspect ratio is not kept: part of the training data came squashed to squares.
    Raises ValueError for another dtype, shape or range.
    """
    box = box or preprocessing.box
    return to_vgg_input(crop_and_stretch(pixels, preprocessing, box)), box


def crop_and_stretch(pixels: np.ndarray, preprocessing: Preprocessing, box: Box) -> np.ndarray:
    """The grey part of `prepare`. Returns: (S, S) float32, 0..1."""
    _check(pixels)
    height, width = pixels.shape
    size = preprocessing.size
    small = Image.fromarray(pixels).resize(
        (size, size),
        Image.Resampling.BILINEAR,
        box=(box.left * width, box.top * height, box.right * width, box.bottom * height),
    )
    grey = np.asarray(small)
    low, high = np.percentile(grey, (preprocessing.low, preprocessing.high))
    return np.clip((grey - low) / max(high - low, MIN_RANGE), 0, 1).astype(np.float32)


def to_vgg_input(grey: np.ndarray) -> np.ndarray:
    """(S, S) float32 grey, 0..1, to (S, S, 3) float32, BGR, mean-centred, 0..255 wide."""
    return grey[..., None] * np.float32(255) - IMAGENET_MEAN_BGR


def _check(pixels: np.ndarray) -> None:
    if pixels.ndim != 2 or pixels.dtype != np.float32 or min(pixels.shape) < 2:
        raise ValueError(
            "An X-ray is a (height, width) array of float32, 2 pixels a side or more. "
            f"Received: shape {pixels.shape}, {pixels.dtype}"
        )
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):  # also refuses NaN
        raise ValueError(f"Grey values must be in 0..1. Received: {low:g}..{high:g}")
