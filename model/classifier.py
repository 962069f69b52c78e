"""From a file to a result: what a worker and `cxr classify` share."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from model.artifact import Artifact, load_artifact
from model.doubt import Reason, Reference
from model.engines import Engine, load_engine
from model.films import of_input
from model.framing.box import Box, on_film
from model.input.prepared import Prepared, prepare_file
from model.reading.radiograph import Radiograph
from model.scores import Triage


@dataclass(frozen=True)
class Result:
    """What the network says about one X-ray.

    label: the most probable one. probabilities: by label, in the artifact's order; their sum is 1.
    uncertain_reasons: why a human should look first, see `model.doubt`; mostly none.
    triage: None when the artifact has no operating point.
    maps: by name, (h, w) float16, over `box` of the X-ray; the first one is the main map, attention
        is 0..1, evidence signed. Empty when the network has no attention.
    model: the artifact's version. infer_ms: this image's share of its batch. film: by name, what is
        known of the X-ray as the network saw it (`model.films`).
    """

    label: str
    probabilities: dict[str, float]
    uncertain_reasons: tuple[Reason, ...]
    triage: Triage | None
    maps: dict[str, np.ndarray]
    box: Box
    model: str
    infer_ms: float
    film: dict[str, float] = field(default_factory=dict)

    @property
    def uncertain(self) -> bool:
        return bool(self.uncertain_reasons)


def timings_ms(prepared: Prepared, result: Result) -> dict[str, float]:
    """Milliseconds by stage, as results keep them."""
    return {
        "decode": round(prepared.decode_ms, 2),
        "gate": round(prepared.gate_ms, 2),
        "prepare": round(prepared.prepare_ms, 2),
        "infer": round(result.infer_ms, 2),
    }


class Classifier:
    """A loaded model behind a decoder and a gate.

    It limits numpy's linear algebra in its process to one thread. Its matrices are small: with a
    thread per core, those that wait spin, which took a third of an image's processor time.
    """

    def __init__(self, artifact: Artifact, engine: Engine) -> None:
        threadpool_limits(1, user_api="blas")
        self._artifact = artifact
        self._engine = engine
        films = artifact.training_films_file
        self._training_films = Reference.load(films) if films else None
        self._at_a_time = threading.Lock()

    @classmethod
    def load(cls, artifact_path: Path | None = None, device: str = "cpu") -> "Classifier":
        """Load an artifact, None for the released one, on `cpu` or `gpu`.

        Raises ModelError: no artifact, one that does not fit, or no such device.
        """
        artifact = load_artifact(artifact_path)
        return cls(artifact, load_engine(artifact, device))

    @property
    def version(self) -> str:
        return self._artifact.version

    @property
    def labels(self) -> tuple[str, ...]:
        return self._artifact.labels

    @property
    def batch_size(self) -> int:
        return self._engine.batch_size

    @property
    def computes_elsewhere(self) -> bool:
        """Whether the processor is free while `classify` runs."""
        return self._engine.computes_elsewhere

    def prepare(
        self,
        source: bytes | Path,
        decoded_as: Callable[[Radiograph], None] = lambda radiograph: None,
        waived: bool = False,
    ) -> Prepared:
        """Decode, check and scale one file. Safe to call from several threads.

        decoded_as: is given the decoded X-ray before the gate sees it. waived: whatever the gate
            says about it.
        Raises a Rejection with the reason for the sender; OSError when a path cannot be read.
        """
        return prepare_file(
            source, self._artifact.preprocessing, decoded_as=decoded_as, waived=waived
        )

    def classify(self, prepared: Sequence[Prepared]) -> list[Result]:
        """One result for each prepared X-ray, in their order; calls wait for each other.

        A batch that fails raises the engine's error: callers try its images one by one.
        """
        if not prepared:
            return []
        with self._at_a_time:
            started = time.perf_counter()
            output = self._engine.predict(np.stack([one.image for one in prepared]))
            infer_ms = (time.perf_counter() - started) * 1e3 / len(prepared)
        unlike, films = np.zeros(len(prepared), bool), [of_input(one.image) for one in prepared]
        if self._training_films and output.features is not None:
            distances = self._training_films.distances(output.features)
            unlike = distances > self._training_films.limit
            for film, distance in zip(films, distances, strict=True):
                film["distance"] = float(distance)
        labels = self._artifact.labels
        return [
            Result(
                label=labels[int(np.argmax(row))],
                probabilities=dict(zip(labels, map(float, row), strict=True)),
                uncertain_reasons=self._doubts(row, bool(unlike[number]), one.lungs_found),
                triage=self._triage(row),
                maps={
                    name: on_film(grids[number], one.box).astype(np.float16)
                    for name, grids in output.maps.items()
                },
                box=one.box.inside,
                model=self.version,
                infer_ms=infer_ms,
                film=films[number],
            )
            for number, (one, row) in enumerate(zip(prepared, output.probabilities, strict=True))
        ]

    def _doubts(self, row: np.ndarray, unlike: bool, lungs_found: bool) -> tuple[Reason, ...]:
        found: dict[Reason, bool] = {
            "close_call": bool(np.max(row) < self._artifact.uncertain_below),
            "unlike_training": unlike,
            "frame_not_found": not lungs_found,
        }
        return tuple(reason for reason, holds in found.items() if holds)

    def _triage(self, row: np.ndarray) -> Triage | None:
        point = self._artifact.triage
        if point is None:
            return None
        return Triage(1 - float(row[self._artifact.labels.index(point.well)]), point.threshold)
