"""What a model answers on labelled images, and the figures of those answers per source."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.artifact import Artifact
from model.engines import Engine
from model.engines.output import Output, joined
from model.errors import Rejection
from model.framing.box import Box, on_film
from model.input.prepared import prepare_file
from training.data.samples import Classes, Sample
from training.errors import TrainingError
from training.measure.intervals import RESAMPLES, Figure, with_intervals
from training.measure.maps.attention import lung_attention
from training.measure.metrics import confusion, measures_of, ppv

# The label of those who have nothing.
WELL = "NORMAL"


@dataclass(frozen=True)
class Refused:
    """An image that got no probabilities: the reason code and sentence that a user would see."""

    path: str
    code: str
    message: str


@dataclass(frozen=True)
class Answers:
    """What a model said about `samples`, in their order; N of them.

    probabilities: (N, K) float32. maps: by name, (N, h, w) float32; the main one first.
    boxes: the part of each X-ray that its maps cover. labels: the K classes.
    refused: further samples, which could not be read or were not chest X-rays.
    features: (N, C) float32; None of a network that keeps them.
    """

    samples: Sequence[Sample]
    probabilities: np.ndarray
    maps: dict[str, np.ndarray]
    boxes: Sequence[Box]
    labels: tuple[str, ...]
    refused: Sequence[Refused] = ()
    features: np.ndarray | None = None

    @property
    def targets(self) -> np.ndarray:
        """(N,) int, indices of the labels."""
        return Classes(self.labels).targets(self.samples)

    @property
    def main_map(self) -> np.ndarray | None:
        """(N, h, w) float32, 0..1; None of a network without attention."""
        return next(iter(self.maps.values()), None)

    @property
    def patients(self) -> list[str]:
        return [sample.patient for sample in self.samples]

    def of_source(self, source: str) -> "Answers":
        inside = [n for n, sample in enumerate(self.samples) if sample.source == source]
        return Answers(
            [self.samples[n] for n in inside],
            self.probabilities[inside],
            {name: grids[inside] for name, grids in self.maps.items()},
            [self.boxes[n] for n in inside],
            self.labels,
            features=None if self.features is None else self.features[inside],
        )


def ask(
    engine: Engine,
    artifact: Artifact,
    samples: Iterable[Sample],
    gate: bool = True,
) -> Answers:
    """Decode, check, prepare and classify the samples, as a worker would.

    engine: of the artifact. gate: refuse what is not a chest X-ray, as a worker does.
    Raises TrainingError when not one image could be classified.
    """
    answered: list[Sample] = []
    refused: list[Refused] = []
    outputs: list[Output] = []
    boxes: list[Box] = []
    waiting: list[np.ndarray] = []

    def classify() -> None:
        if waiting:
            outputs.append(engine.predict(np.stack(waiting)))
            waiting.clear()

    for sample in samples:
        try:
            prepared = prepare_file(sample.path, artifact.preprocessing, gate=gate)
        except Rejection as rejection:
            refused.append(Refused(str(sample.path), rejection.code, rejection.message))
            continue
        except OSError as error:
            why = error.strerror or type(error).__name__
            refused.append(Refused(str(sample.path), "unreadable", f"{why}."))
            continue
        answered.append(sample)
        waiting.append(prepared.image)
        boxes.append(prepared.box)
        if len(waiting) >= engine.batch_size:
            classify()
    classify()
    if not answered:
        first = f" The first: {refused[0].path}: {refused[0].message}" if refused else ""
        raise TrainingError(f"None of {len(refused)} images could be classified.{first}")
    output = joined(outputs)
    maps = {
        name: np.stack([on_film(grid, box) for grid, box in zip(grids, boxes, strict=True)])
        for name, grids in output.maps.items()
    }
    shown = [box.inside for box in boxes]
    return Answers(
        answered,
        output.probabilities,
        maps,
        shown,
        artifact.labels,
        refused,
        output.features,
    )


def report(answers: Answers, prevalence: float = 0.1, resamples: int = RESAMPLES) -> dict[str, Any]:
    """All figures, overall and for each source, ready for JSON.

    prevalence: share of patients (0..1) who have the disease, for the predictive values.
    Raises TrainingError when a lung mask cannot be read.
    """
    sources = sorted({sample.source for sample in answers.samples})
    return {
        "labels": list(answers.labels),
        **_figures(answers, prevalence, resamples),
        "sources": {
            source: _figures(answers.of_source(source), prevalence, resamples) for source in sources
        },
        "lung_attention": lung_attention(
            answers.samples, answers.main_map, answers.boxes, resamples
        ),
        "refused": {
            "n": len(answers.refused),
            "reasons": dict(Counter(refused.code for refused in answers.refused)),
            "images": [
                {"path": refused.path, "code": refused.code, "message": refused.message}
                for refused in answers.refused
            ],
        },
    }


def agreement(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """How far two networks' probabilities, (N, K) each, for the same images are apart."""
    difference = np.abs(first - second)
    return {
        "n": len(first),
        "label_agreement": float((first.argmax(axis=1) == second.argmax(axis=1)).mean()),
        "mean_absolute_difference": float(difference.mean()),
        "max_difference": float(difference.max()),
    }


def _figures(answers: Answers, prevalence: float, resamples: int) -> dict[str, Any]:
    targets = answers.targets
    found = with_intervals(
        targets,
        answers.probabilities,
        answers.patients,
        measures_of(targets, answers.patients, answers.labels),
        resamples,
    )
    return {
        "n": len(targets),
        "patients": len(set(answers.patients)),
        "classes": {label: int((targets == k).sum()) for k, label in enumerate(answers.labels)},
        "figures": {name: figure.as_dict() for name, figure in found.items()},
        "ppv": {
            "prevalence": prevalence,
            **_predictive_values(found, answers.labels, prevalence),
        },
        "confusion": confusion(targets, answers.probabilities).tolist(),
    }


def _predictive_values(
    found: dict[str, Figure], labels: Sequence[str], prevalence: float
) -> dict[str, float | None]:
    values = {}
    for label in labels:
        if label == WELL:  # what is asked of it is a negative predictive value
            continue
        sensitivity = found[f"sensitivity_{label}"].value
        specificity = found[f"specificity_{label}"].value
        known = sensitivity is not None and specificity is not None
        value = ppv(sensitivity, specificity, prevalence) if known else None
        values[label] = None if value is None else round(value, 4)
    return values
