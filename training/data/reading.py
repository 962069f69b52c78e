"""The X-rays of a training run; one that cannot be read ends the run with its name."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from model.errors import Rejection
from model.framing.box import WHOLE, Box
from model.input.prepared import Prepared, prepare_file
from model.input.prepared import read as read_file
from model.input.preprocess import Preprocessing, crop_and_stretch, frame_of
from model.reading.radiograph import Radiograph, decode
from training.data.samples import Sample
from training.errors import TrainingError


def read(sample: Sample, preprocessing: Preprocessing | None = None) -> Radiograph:
    """The X-ray as serving decodes it for such a network; at its full size without one.

    Raises TrainingError, naming the file: the data are the user's to put right.
    """
    with _named(sample):
        return read_file(sample.path, preprocessing) if preprocessing else decode(sample.path)


def prepared(sample: Sample, preprocessing: Preprocessing) -> Prepared:
    """The network's input as serving makes it, without the gate. Raises TrainingError."""
    with _named(sample):
        return prepare_file(sample.path, preprocessing, gate=False)


def grey(sample: Sample, preprocessing: Preprocessing) -> np.ndarray:
    """(S, S) float32, 0..1: the grey values of `prepared`. Raises TrainingError."""
    pixels = read(sample, preprocessing).pixels
    box, _ = frame_of(pixels, preprocessing)
    return crop_and_stretch(pixels, preprocessing, box)


def frame_around(pixels: np.ndarray, preprocessing: Preprocessing) -> Box:
    """What augmentation cuts from: the square around the lungs, or the whole film."""
    return frame_of(pixels, preprocessing)[0] if preprocessing.frame == "lungs" else WHOLE


@contextmanager
def _named(sample: Sample) -> Iterator[None]:
    try:
        yield
    except Rejection as rejection:
        raise TrainingError(f"{sample.path}: {rejection.message}") from rejection
