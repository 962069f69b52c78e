"""Images that a model must not be measured on: it has learned from their patients."""

from collections.abc import Sequence
from pathlib import Path

from model.artifact import Artifact
from training.data.manifest import ALL_DATA, Choice, has_column, read_data
from training.data.samples import Classes, Sample
from training.data.splits import unseen


def choice_of(model: Artifact) -> Choice:
    """Which data the model's recipe chose."""
    kept = model.metadata.get("recipe", {}).get("data")
    return Choice(**kept | {"ignored": tuple(kept["ignored"])}) if kept else ALL_DATA


def classes_of(model: Artifact) -> Classes:
    """The model's classes, with what its recipe ignores."""
    return Classes(model.labels, tuple(model.metadata.get("recipe", {}).get("ignored_labels", ())))


def without_known(
    samples: Sequence[Sample], data: Path, model: Artifact
) -> tuple[list[Sample], int]:
    """The samples of `data` whose patients the model does not know, and how many others there are.

    A model of all data was trained by the column `split`, which also says what to measure on. One
    that chose its images by another column may have learned from some that `split` calls `test`.
    """
    choice = choice_of(model)
    if choice == ALL_DATA or not has_column(data, choice.column):
        return list(samples), 0
    left = unseen(samples, read_data(data, classes_of(model), choice))
    return left, len(samples) - len(left)
