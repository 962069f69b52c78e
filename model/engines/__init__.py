"""What runs an artifact: int8 on CPUs (LiteRT), Keras on GPUs."""

from typing import Protocol

import numpy as np

from model.artifact import Artifact
from model.engines.calibrated import CalibratedEngine
from model.engines.output import Output


class Engine(Protocol):
    """A loaded network.

    batch_size: how many images it likes at once. computes_elsewhere: on a device of its own, so
    that the processor is free while it predicts.
    """

    batch_size: int
    computes_elsewhere: bool

    def predict(self, images: np.ndarray) -> Output:
        """images: (N, S, S, 3) float32, prepared by `model.input.preprocess`; N at least 1."""


def load_engine(artifact: Artifact, device: str = "cpu", threads: int = 1) -> Engine:
    """The engine for a device, `cpu` or `gpu`, which answers with the artifact's calibration.

    Raises ModelError when it cannot run here.
    """
    engine = _network(artifact, device, threads)
    return CalibratedEngine(engine, artifact.calibration) if artifact.calibration else engine


def _network(artifact: Artifact, device: str, threads: int) -> Engine:
    if device == "gpu":
        from model.engines.keras_engine import KerasEngine

        return KerasEngine(artifact)
    from model.engines.litert_engine import LiteRTEngine

    return LiteRTEngine(artifact, threads)
