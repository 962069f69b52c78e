"""Histograms of the films of `val`, which an artifact keeps for comparison (`model.films`).

    CXR_DATA=folder python -m training.release.films RECIPE ARTIFACT

adds them to an artifact that was made before there were any, and changes nothing else of it.
"""

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from model.artifact import METADATA, Artifact, load_artifact, write_metadata
from model.classifier import Classifier
from model.engines.litert_engine import LiteRTEngine
from model.errors import Rejection
from model.films import STATISTICS, Histogram
from training.data.manifest import read_data
from training.data.option import DATA
from training.data.samples import Sample, data_hash
from training.data.splits import of_split
from training.errors import TrainingError, training_errors
from training.fitting.recipe import load_recipe

BATCH = 32


def films_of(artifact: Artifact, samples: Sequence[Sample]) -> dict[str, Any] | None:
    """What the metadata say of `samples`, the films of `val`, each read as a worker reads it.

    Those that the gate refuses are left out. None when it refuses all of them.
    """
    classifier = Classifier(artifact, LiteRTEngine(artifact, os.cpu_count() or 1))
    values: dict[str, list[float]] = defaultdict(list)
    number = 0
    for start in range(0, len(samples), BATCH):
        prepared = []
        for sample in samples[start : start + BATCH]:
            try:
                prepared.append(classifier.prepare(sample.path))
            except Rejection:
                continue
        number += len(prepared)
        for one, result in zip(prepared, classifier.classify(prepared), strict=True):
            film = result.film | {"gate": one.gate.score, "aspect": one.width / one.height}
            for name, value in film.items():
                values[name].append(value)
    if not number:
        return None
    return {
        "split": "val",
        "n": number,
        "histograms": {
            name: Histogram.of(values[name]).as_json() for name in STATISTICS if values[name]
        },
    }


@click.command()
@click.argument("recipe")
@click.argument("artifact", type=click.Path(exists=True, file_okay=False, path_type=Path))
@DATA
def main(recipe: str, artifact: Path, data: Path) -> None:
    """Add histograms of the films of `val` to ARTIFACT, which RECIPE made of the data."""
    with training_errors():
        chosen, loaded = load_recipe(recipe), load_artifact(artifact)
        samples = read_data(data, chosen.classes, chosen.data)
        if data_hash(samples) != loaded.metadata["data_sha256"]:
            raise TrainingError(
                f"{artifact} was made of other data than those in {data}, so its films of `val` "
                "are not known. Name the data and the recipe that it was made with."
            )
        films = films_of(loaded, of_split(samples, "val"))
        if films is None:
            raise TrainingError("The gate refuses all films of `val`: there is nothing to count.")
        file = artifact / METADATA
        write_metadata(artifact, json.loads(file.read_text()) | {"films": films})
        click.echo(f"{file} has histograms of {films['n']} films.")


if __name__ == "__main__":
    main()
