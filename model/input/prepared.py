"""From a file to the network's input: the same for serving, evaluating, exporting and training."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.errors import NotAChestXray
from model.framing.box import Box
from model.gate.frontal import check
from model.input.preprocess import Preprocessing, prepare
from model.reading.facts import FilmFacts
from model.reading.radiograph import Radiograph, decode
from model.scores import GateScore


@dataclass(frozen=True)
class Prepared:
    """One X-ray, ready for the network.

    image: (S, S, 3) float32, as `model.input.preprocess.prepare` makes it. box: the part of the
    X-ray it shows. lungs_found: false when lungs were looked for in vain. width, height: of the
    file in pixels. gate: what it said; None when it was not asked. facts: what the file says about
    the film. Times are milliseconds on the wall.
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
    facts: FilmFacts = FilmFacts()


def read(
    source: bytes | Path, preprocessing: Preprocessing, any_subject: bool = False
) -> Radiograph:
    """Decode a file at the size that the network's input needs; raises as `decode` does."""
    return decode(source, at_least=preprocessing.min_side, any_subject=any_subject)


def prepare_file(
    source: bytes | Path,
    preprocessing: Preprocessing,
    *,
    gate: bool = True,
    waived: bool = False,
    decoded_as: Callable[[Radiograph], None] = lambda radiograph: None,
) -> Prepared:
    """Decode, check and scale one file. Safe to call from several threads.

    gate: refuse what is not a frontal chest X-ray. waived: ask the gate, but refuse nothing for
        what it shows.
    decoded_as: is given the decoded X-ray before the gate sees it.
    Raises a Rejection with the reason for the sender; OSError when a path cannot be read.
    """
    started = time.perf_counter()
    radiograph = read(source, preprocessing, any_subject=waived)
    decoded = time.perf_counter()
    decoded_as(radiograph)
    shown = time.perf_counter()
    score = _score(radiograph, waived) if gate else None
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
        facts=radiograph.facts,
    )


def _score(radiograph: Radiograph, waived: bool) -> GateScore | None:
    try:
        return check(radiograph)
    except NotAChestXray as refusal:
        if not waived:
            raise
        return refusal.gate
