"""Finds the box around both lungs with a tiny network, so that every film is framed alike.

The network sees a thumbnail twice: of the whole film, then of the surroundings of the box that it
found there. The second look is more precise, and depends less on how the film was cut.
"""

import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from model.framing.box import WHOLE, Box

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

MODEL_FILE = Path(__file__).with_name("lungs.tflite")

SIDE = 64  # pixels a side of the thumbnail
LOOKS = 2
SURROUNDINGS = 0.25  # of the box's sides, around it, in the second look
MIN_SIDE = 0.15  # of the film's sides: a smaller box cannot be around lungs
# Mean spread of the four edges, in shares of the look: about one chest of `val` in a hundred is
# above it. It says that the edges are unsure, not that there is no chest: the gate says that.
MAX_SPREAD = 0.045
# Exposure differs between machines: a thumbnail's percentiles 1 and 99 become 0 and 1.
LOW, HIGH, MIN_RANGE = 1.0, 99.0, 1e-3


@dataclass(frozen=True)
class Lungs:
    """box: around both lungs. spread: how unsure the network is of its edges, in shares of the
    film's sides. found: whether to rely on it.
    """

    box: Box
    spread: float
    found: bool


def thumbnail(pixels: np.ndarray, box: Box = WHOLE) -> np.ndarray:
    """What the network sees of a part of the film, which must lie inside it.

    pixels: (H, W) float32 grey, 0..1; left alone. Returns: (SIDE, SIDE) float32, 0..1; the aspect
    ratio is not kept.
    """
    height, width = pixels.shape
    part = (box.left * width, box.top * height, box.right * width, box.bottom * height)
    small = Image.fromarray(pixels).resize(
        (SIDE, SIDE), Image.Resampling.BOX, box=part, reducing_gap=2.0
    )
    return stretched(np.asarray(small))


def stretched(grey: np.ndarray) -> np.ndarray:
    """(h, w) float32: percentiles LOW and HIGH become 0 and 1."""
    low, high = np.percentile(grey, (LOW, HIGH))
    return np.clip((grey - low) / max(high - low, MIN_RANGE), 0, 1).astype(np.float32)


class LungFinder:
    """The network, from a LiteRT file. Safe to share between threads: each has an interpreter."""

    def __init__(self, file: Path = MODEL_FILE) -> None:
        self._content = file.read_bytes()
        self._own = threading.local()

    def find(self, pixels: np.ndarray) -> Lungs:
        """pixels: (H, W) float32 grey, 0..1; left alone."""
        box, spread = WHOLE, 1.0
        for look in range(LOOKS):
            seen = WHOLE if look == 0 else _surroundings(box)
            edges, spread = self._look(thumbnail(pixels, seen))
            width, height = seen.right - seen.left, seen.bottom - seen.top
            left, top, right, bottom = np.clip(edges, 0, 1) * (width, height, width, height)
            box = Box(*map(float, (seen.left + left, seen.top + top,
                                   seen.left + right, seen.top + bottom)))  # fmt: skip
            if not _plausible(box):
                return Lungs(box, spread, found=False)
        return Lungs(box, spread, found=spread <= MAX_SPREAD)

    def _look(self, small: np.ndarray) -> tuple[np.ndarray, float]:
        """(SIDE, SIDE) to edges (4,), left, top, right, bottom, and their mean spread."""
        interpreter, given, answered = self._interpreter()
        interpreter.set_tensor(given, small[None, ..., None])
        interpreter.invoke()
        said = interpreter.get_tensor(answered)[0]
        return said[:4], float(np.exp(said[4:]).mean())

    def _interpreter(self) -> "tuple[Interpreter, int, int]":
        """This thread's, with the numbers of its input and output."""
        if not hasattr(self._own, "parts"):
            # Here, so that the web server can read an artifact's card without any engine.
            from ai_edge_litert.interpreter import Interpreter

            interpreter = Interpreter(model_content=self._content, num_threads=1)
            interpreter.allocate_tensors()
            details = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
            self._own.parts = interpreter, *(detail["index"] for detail in details)
        return self._own.parts


@cache
def finder_of(file: Path | None) -> LungFinder:
    """The finder of a file, None for the released one; read once per process."""
    return LungFinder(file or MODEL_FILE)


def _plausible(box: Box) -> bool:
    return box.right - box.left >= MIN_SIDE and box.bottom - box.top >= MIN_SIDE


def _surroundings(box: Box) -> Box:
    """The box and what lies around it, inside the film."""
    x, y = SURROUNDINGS * (box.right - box.left), SURROUNDINGS * (box.bottom - box.top)
    return Box(box.left - x, box.top - y, box.right + x, box.bottom + y).inside
