"""What each of the article's networks is worth on its own test images and on others: one table.

On all `test` data they are compared on the same images, of patients whom none of them knows, and in
three classes: the two pneumonias of a network of four count as one there.
"""

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from model.artifact import Artifact, load_artifact
from model.engines import load_engine
from model.engines.keras_engine import KerasEngine
from training.data.findings import read_findings
from training.data.manifest import Choice, read_data
from training.data.samples import Classes
from training.data.splits import of_split
from training.errors import TrainingError
from training.measure.evaluate import Answers, agreement, ask, report
from training.measure.intervals import RESAMPLES, wilson
from training.measure.known import choice_of, classes_of, without_known
from training.measure.maps.pointing import pointing
from training.measure.text import with_interval

ARTICLE = "article"
THREE = ("COVID19", "NORMAL", "PNEUMONIA")
SMALL = Choice(ARTICLE, ("PNEUMONIA_VIRAL",))
# The hospitals that hold both labels, and what is told apart there.
INSIDE = {"siim": "COVID19", "nih": "NORMAL"}
BOXES = "share_of_the_map_in_boxes"
# The engine of Keras is slow on VGG16: it is asked about every fifth image.
EVERY = 5


@dataclass(frozen=True)
class Measured:
    """What is known of one run.

    own: its answers on the test images of the article's data. figures: of
    `training.measure.evaluate.report`, on all other `test` data. boxes: of
    `training.measure.maps.pointing.pointing` there; empty without a map.
    engines: how far the int8 and the Keras engine agree on every fifth of those.
    seconds, load: of the whole run, and of the machine at its end; None where it was not kept.
    """

    run: Path
    model: Artifact
    own: Answers
    figures: dict[str, Any]
    boxes: dict[str, dict[str, float | None]]
    engines: dict[str, float]
    seconds: int | None
    load: float | None
    epochs: int
    best_epoch: int


def measure(runs: Sequence[Path], data: Path, resamples: int = RESAMPLES) -> list[Measured]:
    """Raises TrainingError when a folder is not a run, or the data have no column `article`."""
    models = [load_artifact(run / "artifact") for run in runs]
    everything = of_split(read_data(data, Classes(THREE)), "test")
    for model in models:
        everything, _ = without_known(everything, data, model)
    if not everything:
        raise TrainingError(f"{data} has no `test` images of patients that no run knows.")
    drawn = read_findings(data)
    return [
        _measure(run, model, data, everything, drawn, resamples)
        for run, model in zip(runs, models, strict=True)
    ]


def _measure(run, model, data, everything, drawn, resamples) -> Measured:
    classes, engine = classes_of(model), load_engine(model)
    small = replace(SMALL, ignored=() if len(model.labels) > len(THREE) else SMALL.ignored)
    choice = choice_of(model)
    own = of_split(read_data(data, classes, choice if choice.column == ARTICLE else small), "test")
    watched = tqdm(everything, model.version, file=sys.stderr)
    answers = ask(engine, model, watched, gate=False)
    others = in_three(answers)
    figures = report(others, resamples=resamples)
    boxed = [n for n, sample in enumerate(others.samples) if sample.path in drawn]
    boxes = {}
    if others.main_map is not None and boxed:
        found = pointing(
            others.main_map[boxed],
            [others.boxes[n] for n in boxed],
            [drawn[others.samples[n].path] for n in boxed],
            [others.samples[n].patient for n in boxed],
            resamples,
        )
        boxes = {name: figure.as_dict() for name, figure in found.items()}
    history = _history(run)
    losses = [float(row["val_loss"]) for row in history]
    return Measured(
        run, model, ask(engine, model, own, gate=False), figures, boxes,
        _engines_agree(model, answers),
        **_time(run), epochs=len(history), best_epoch=int(np.argmin(losses)) + 1,
    )  # fmt: skip


def _engines_agree(model: Artifact, int8: Answers) -> dict[str, float]:
    exact = ask(KerasEngine(model, "float32"), model, int8.samples[::EVERY], gate=False)
    return agreement(int8.probabilities[::EVERY], exact.probabilities)


def in_three(answers: Answers) -> Answers:
    """The same answers in the classes THREE: probabilities of labels that are one are added."""
    classes = Classes(THREE)
    counts_as = [THREE.index(classes.label_of(label)) for label in answers.labels]
    added = np.zeros((len(answers.samples), len(THREE)), np.float32)
    for column, label in enumerate(counts_as):
        added[:, label] += answers.probabilities[:, column]
    return replace(answers, probabilities=added, labels=THREE)


def table(found: Sequence[Measured]) -> str:
    """Markdown, a column for each run."""
    rows = [
        ["", *(f"`{one.run.name}`" for one in found)],
        ["---"] * (len(found) + 1),
        ["network", *(one.model.architecture for one in found)],
        ["classes", *(str(len(one.model.labels)) for one in found)],
        ["epochs, of which the best", *(f"{one.epochs}, {one.best_epoch}" for one in found)],
        ["run time", *(_shown_time(one) for one in found)],
        ["**right of its own test images**", *(_right(one) for one in found)],
        ["**accuracy, all other `test` data**", *(_figure(one, "accuracy") for one in found)],
        *(
            [f"{label} AUROC inside `{source}`", *(_inside(one, source, label) for one in found)]
            for source, label in INSIDE.items()
        ),
        ["calibration error", *(_figure(one, "ece") for one in found)],
        ["attention inside the lungs", *(_lungs(one, "attention_in_lungs") for one in found)],
        ["area of the lungs", *(_lungs(one, "area_of_lungs") for one in found)],
        ["attention inside the boxes", *(_boxes(one, BOXES) for one in found)],
        ["area of the boxes", *(_boxes(one, "area_of_the_boxes") for one in found)],
        ["int8 and Keras engines: same label, mean difference", *(_rounding(one) for one in found)],
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _history(run: Path) -> list[dict[str, str]]:
    with (run / "history.csv").open(newline="") as opened:
        return list(csv.DictReader(opened))


def _time(run: Path) -> dict[str, Any]:
    kept = json.loads((run / "report.json").read_text()).get("run", {})
    return {"seconds": kept.get("seconds"), "load": kept.get("load")}


def _shown_time(one: Measured) -> str:
    if one.seconds is None:
        return "-"
    return f"{one.seconds / 60:.0f} min at a load of {one.load:g}"


def right(answers: Answers) -> int:
    return int((answers.probabilities.argmax(axis=1) == answers.targets).sum())


def _right(one: Measured) -> str:
    count, of = right(one.own), len(one.own.samples)
    found = wilson(count, of)
    return f"{count} of {of} ({found.low:.2f}-{found.high:.2f})"


def _figure(one: Measured, name: str) -> str:
    return with_interval(one.figures["figures"][name])


def _inside(one: Measured, source: str, label: str) -> str:
    part = one.figures["sources"].get(source)
    return with_interval(part["figures"][f"auroc_{label}"]) if part else "-"


def _lungs(one: Measured, name: str) -> str:
    lungs = one.figures["lung_attention"]
    return with_interval(lungs["figures"][name]) if lungs else "-"


def _boxes(one: Measured, name: str) -> str:
    return with_interval(one.boxes[name]) if one.boxes else "-"


def _rounding(one: Measured) -> str:
    found = one.engines
    return (
        f"{found['label_agreement']:.1%}, {found['mean_absolute_difference']:.4f} (n {found['n']})"
    )
