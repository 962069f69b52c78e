"""From a file to the network's input: the same for serving, evaluating, exporting and training."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.framing.box import Box
from model.gate.frontal import check
from model.preprocess import Preprocessing, prepare
from model.reading.radiograph import Radiograph, decode
from model.scores import GateScore


@dataclass(frozen=True)
class Prepared:
    """One X-ray, ready for the network.

    image: (S, S, 3) float32, as `model.preprocess.prepare` makes it. box: the part of the X-ray it
    shows. lungs_found: false when lungs were looked for in vain. width, height: of the file in
    pixels. gate: what it said; None when it was not asked. Times are milliseconds on the wall.
    """

    image: np.ndarray
    box: Box
    lungs_found: bool
    width: int
    height: int
    gate: GateScore | None
    decode_ms: float
    gate_ms: float
    prepare_ms: float


def read(source: bytes | Path, preprocessing: Preprocessing) -> Radiograph:
    """Decode a file at the size that the network's input needs; raises as `decode` does."""
    return decode(source, at_least=preprocessing.min_side)


def prepare_file(
    source: bytes | Path,
    preprocessing: Preprocessing,
    *,
    gate: bool = True,
    decoded_as: Callable[[Radiograph], None] = lambda radiograph: None,
) -> Prepared:
    """Decode, check and scale one file. Safe to call from several threads.

    gate: refuse what is not a frontal chest X-ray.
    decoded_as: is given the decoded X-ray before the gate sees it.
    Raises a Rejection with the reason for the sender; OSError when a path cannot be read.
    """
    started = time.perf_counter()
    radiograph = read(source, preprocessing)
    decoded = time.perf_counter()
    decoded_as(radiograph)
    shown = time.perf_counter()
    score = check(radiograph) if gate else None
    checked = time.perf_counter()
    image, box, lungs_found = prepare(radiograph.pixels, preprocessing)
    return Prepared(
        image=image,
        box=box,
        lungs_found=lungs_found,
        width=radiograph.width,
        height=radiograph.height,
        gate=score,
        decode_ms=(decoded - started) * 1e3,
        gate_ms=(checked - shown) * 1e3,
        prepare_ms=(time.perf_counter() - checked) * 1e3,
    )
