"""An interrupted run goes on as if it had not been: with its own recipe and images, and with the
patience that is left."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import Any

import keras

from training.data.samples import Sample, data_hash
from training.errors import TrainingError
from training.fitting.recipe import Recipe

HISTORY = "history.csv"
CHECKPOINT = "checkpoint"
BEGUN = "begun.json"
IMAGES = "images"


def write_begun(run: Path, recipe: Recipe, samples: Sequence[Sample]) -> None:
    """Keep what a run is made of, for the day when it is resumed."""
    (run / BEGUN).write_text(json.dumps(_begun(recipe, samples), indent=2))


def check_resumed(run: Path, recipe: Recipe, samples: Sequence[Sample]) -> None:
    """Raises TrainingError, saying what differs, unless the run was begun with the same.

    `epochs` may differ, if the learning rate does not follow them.
    """
    file = run / BEGUN
    if not file.is_file():
        if (run / CHECKPOINT).exists():
            raise TrainingError(
                f"The run in {run} cannot be resumed: it has no {BEGUN}, which says what it was "
                "begun with. Start it again without --resume."
            )
        return  # interrupted before it began
    before, now = _flat(json.loads(file.read_text())), _flat(_begun(recipe, samples))
    if not recipe.cosine:
        before["epochs"] = now["epochs"]
    differing = [
        "other images" if name == IMAGES else f"{name} = {before.get(name)} (now {now.get(name)})"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    if differing:
        raise TrainingError(
            f"The run in {run} cannot be resumed: it was begun with {', '.join(differing)}. "
            "Resume it with what it was begun with, or start a new one without --resume."
        )


def losses(run: Path) -> list[float]:
    """`val_loss` of each epoch so far: NaN where one diverged."""
    if not (run / HISTORY).is_file():
        return []
    with (run / HISTORY).open(newline="") as opened:
        return [float(row["val_loss"]) for row in csv.DictReader(opened)]


def least_of(earlier: Sequence[float]) -> float | None:
    """The loss that the kept weights have reached; None before there are any."""
    return min((loss for loss in earlier if not isnan(loss)), default=None)


def is_over(earlier: Sequence[float], recipe: Recipe) -> bool:
    """Whether a run with these losses has had its epochs, or was stopped early."""
    best, waited = None, 0
    for loss in earlier:
        better = best is None or loss < best
        best, waited = (loss, 0) if better else (best, waited + 1)
    return len(earlier) >= recipe.epochs or waited >= max(1, recipe.patience)


class GoOnWaiting(keras.callbacks.Callback):
    """Shows callbacks that wait for a lower `val_loss` those of the epochs before an interruption.

    Keras has them begin anew with every `fit`. Its place is behind them, and before what restores
    the learning rate, which they may lower meanwhile.
    """

    def __init__(
        self, waiting: Sequence[keras.callbacks.Callback], earlier: Sequence[float]
    ) -> None:
        super().__init__()
        self._waiting, self._earlier = waiting, earlier

    def on_train_begin(self, logs: dict | None = None) -> None:
        for epoch, loss in enumerate(self._earlier):
            for callback in self._waiting:
                callback.on_epoch_end(epoch, {"val_loss": loss})


def _begun(recipe: Recipe, samples: Sequence[Sample]) -> dict[str, Any]:
    values = {**asdict(recipe), IMAGES: data_hash(samples)}
    return json.loads(json.dumps(values, default=str))


def _flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """By names as [tables] of a recipe have them: `data.column`."""
    found = {}
    for name, value in values.items():
        found |= (
            _flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
        )
    return found
