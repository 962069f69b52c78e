"""The one preprocessing, for fitting, evaluating and serving: a grey X-ray to the network's input.

What it shows must not depend on how the film was cut, because that tells the hospital and not the
lungs: it is the square around both lungs (`model.framing`) or, in older artifacts, the film without
its borders. That part is stretched between two percentiles of its own grey values, because exposure
and windowing differ between machines; then it is what VGG16 was trained with (Simonyan and
Zisserman, arXiv 1409.1556): BGR, 0..255, minus ImageNet's mean colour; or what a recipe asks for
instead (`model.input.standardise`).
"""

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from model.framing.box import WHOLE, Box, cut, square_around
from model.framing.lungs import finder_of
from model.input.standardise import Standardisation, standardise

IMAGENET_MEAN_BGR = np.array([103.939, 116.779, 123.68], dtype=np.float32)
# Below this range (of 0..1) a picture is flat, and stretching it would show nothing but noise.
MIN_RANGE = 1e-3


@dataclass(frozen=True)
class Preprocessing:
    """The parameters, as an artifact's metadata keeps them.

    size: S, width and height of the network's input in pixels.
    frame: `lungs`, the square around both lungs, aspect kept; or `border`, the film without its
        borders, squashed to a square.
    margin: of the frame `lungs`, share of its side that is added on each side, 0..1.
    border: of the frame `border`, share of width and height cut off on each side, 0..0.4.
    low, high: percentiles (0..100) of the grey values that become 0 and 1.
    standardisation: what the grey values become instead of VGG's own input; None: that.
    lungs_file: of the frame `lungs`, the network that finds them; None: the released one.
    statistics_file: what the standardisation knows of the training images, where it needs that.
        A run and an artifact name their own files in these two; they are not saved as parameters.
    """

    size: int = 150
    frame: str = "border"
    margin: float = 0.08
    border: float = 0.06
    low: float = 1.0
    high: float = 99.0
    standardisation: Standardisation | None = None
    lungs_file: Path | None = field(default=None, compare=False)
    statistics_file: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.standardisation, dict):  # of a metadata.json or a recipe
            object.__setattr__(self, "standardisation", Standardisation(**self.standardisation))
        if self.frame not in ("lungs", "border") or not 0 <= self.margin <= 1:
            raise ValueError(
                "Preprocessing needs the frame `lungs` or `border`, and a margin in 0..1. "
                f"Received: {self}"
            )
        if not (self.size >= 8 and 0 <= self.border <= 0.4 and 0 <= self.low < self.high <= 100):
            raise ValueError(
                "Preprocessing needs size >= 8, border in 0..0.4 and 0 <= low < high <= 100. "
                f"Received: {self}"
            )

    @property
    def parameters(self) -> dict[str, Any]:
        """What an artifact's metadata keeps."""
        return {name: value for name, value in asdict(self).items() if not name.endswith("_file")}

    @property
    def needs_statistics(self) -> bool:
        return self.standardisation is not None and self.standardisation.centres

    @property
    def id(self) -> str:
        """Names the parameters in one word."""
        share = self.margin if self.frame == "lungs" else self.border
        values = "vgg"
        if self.standardisation:
            digest = hashlib.sha256(repr(self.standardisation).encode()).hexdigest()
            values = f"grey{digest[:8]}-"
        return f"{self.frame}{share:g}-stretch{self.low:g}:{self.high:g}-{values}{self.size}"

    @property
    def min_side(self) -> int:
        """Pixels that a decoded X-ray needs a side, unless the file has fewer: twice the network's
        size, so that the last step down still averages pixels."""
        return 2 * self.size

    @property
    def box(self) -> Box:
        """Of the frame `border`: the part of every X-ray that is shown."""
        return Box(self.border, self.border, 1 - self.border, 1 - self.border)


class Framed(NamedTuple):
    """image: (S, S, 3) float32, as `to_input` makes it. box: the part of the X-ray that it shows,
    which may reach beyond the film's edge. lungs_found: false when the lungs were looked for in
    vain, and the whole film is shown instead.
    """

    image: np.ndarray
    box: Box
    lungs_found: bool


def prepare(pixels: np.ndarray, preprocessing: Preprocessing) -> Framed:
    """A grey X-ray to the network's input.

    pixels: (H, W) float32 grey, 0..1, bright = dense; left alone.
    Raises ValueError for another dtype, shape or range.
    """
    box, found = frame_of(pixels, preprocessing)
    grey = crop_and_stretch(pixels, preprocessing, box)
    return Framed(to_input(grey, preprocessing), box, found)


def frame_of(pixels: np.ndarray, preprocessing: Preprocessing) -> tuple[Box, bool]:
    """The part of an X-ray that the network sees, and whether it is what `frame` asks for."""
    _check(pixels)
    if preprocessing.frame == "border":
        return preprocessing.box, True
    height, width = pixels.shape
    lungs = finder_of(preprocessing.lungs_file).find(pixels)
    if lungs.found:
        return square_around(lungs.box, width, height, preprocessing.margin), True
    return square_around(WHOLE, width, height, 0.0), False


def crop_and_stretch(pixels: np.ndarray, preprocessing: Preprocessing, box: Box) -> np.ndarray:
    """The grey part of `prepare`. Returns: (S, S) float32, 0..1."""
    _check(pixels)
    grey, film = cut(pixels, box, preprocessing.size)
    low, high = np.percentile(grey[film], (preprocessing.low, preprocessing.high))
    return np.clip((grey - low) / max(high - low, MIN_RANGE), 0, 1).astype(np.float32)


def to_input(grey: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """(S, S) float32 grey, 0..1, to the network's input (S, S, 3) float32; left alone.

    Raises ValueError when statistics of the training images are needed and not there.
    """
    if preprocessing.standardisation is None:
        return to_vgg_input(grey)
    return standardise(grey, preprocessing.standardisation, preprocessing.statistics_file)


def to_vgg_input(grey: np.ndarray) -> np.ndarray:
    """(S, S) float32 grey, 0..1, to (S, S, 3) float32, BGR, mean-centred, 0..255 wide."""
    levels = grey * np.float32(255)
    # Channel by channel: numpy is slow where the innermost axis has three values.
    values = np.empty((*grey.shape, 3), np.float32)
    for channel, mean in enumerate(IMAGENET_MEAN_BGR):
        np.subtract(levels, mean, out=values[..., channel])
    return values


def _check(pixels: np.ndarray) -> None:
    if pixels.ndim != 2 or pixels.dtype != np.float32 or min(pixels.shape) < 2:
        raise ValueError(
            "An X-ray is a (height, width) array of float32, 2 pixels a side or more. "
            f"Received: shape {pixels.shape}, {pixels.dtype}"
        )
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):  # also refuses NaN
        raise ValueError(f"Grey values must be in 0..1. Received: {low:g}..{high:g}")
