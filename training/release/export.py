"""From a trained network to an artifact: calibrated, rounded to int8, described, measured."""

import datetime
import importlib.metadata
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model.artifact import (
    INT8,
    LUNGS,
    METADATA,
    STATISTICS,
    TRAINING_FILMS,
    WEIGHTS,
    Artifact,
    load_artifact,
    save_metadata,
    write_metadata,
)
from model.engines.keras_engine import KerasEngine, outputs_of
from model.engines.litert_engine import LiteRTEngine
from model.engines.weights import save_weights
from model.framing.lungs import MODEL_FILE
from model.input.preprocess import Preprocessing
from model.networks import map_names
from training.data.reading import prepared
from training.data.samples import Sample, data_hash
from training.data.splits import of_split
from training.data.weighting import sample_weights
from training.errors import TrainingError
from training.fitting.recipe import Recipe
from training.measure.doubt import CHOSEN, MARKED_ON_VAL, fit_reference, training_films
from training.measure.evaluate import Answers, agreement, ask, report
from training.release.calibrate import (
    COVERAGE,
    at_temperature,
    fit_temperature,
    fold_in,
    triage,
    uncertain_below,
)
from training.release.films import films_of
from training.release.int8 import to_int8_network
from training.release.replacing import replacing

CALIBRATION_IMAGES = 200
BATCH = 64


def export(network: keras.Model, recipe: Recipe, samples: Sequence[Sample], out: Path) -> Artifact:
    """Write the artifact of a trained float32 network into the folder `out`.

    The temperature and the thresholds come from the split `val`, the int8 ranges and the films that
    others are compared with from `train`.
    The temperature is folded into the network, which is changed. What was in the folder before
    stays until the new artifact is whole.
    """
    if not of_split(samples, "train") or not of_split(samples, "val"):
        raise TrainingError(
            "An export needs images in both splits, train and val. One of them is empty."
        )
    with replacing(out) as unfinished:
        _export(network, recipe, samples, unfinished)
    return load_artifact(out)


def _export(network: keras.Model, recipe: Recipe, samples: Sequence[Sample], out: Path) -> None:
    trained, validated = of_split(samples, "train"), of_split(samples, "val")
    before = probabilities_of(network, validated, recipe.preprocessing)
    temperature = fit_temperature(
        recipe.classes.targets(validated), before, sample_weights(validated)
    )
    fold_in(network, temperature)
    save_weights(network, out / WEIGHTS)
    chosen = np.random.default_rng(recipe.seed).permutation(len(trained))[:CALIBRATION_IMAGES]
    images = [prepared(trained[number], recipe.preprocessing).image for number in chosen]
    (out / INT8).write_bytes(to_int8_network(network, images))
    if recipe.preprocessing.frame == "lungs":
        (out / LUNGS).write_bytes(MODEL_FILE.read_bytes())
    if recipe.preprocessing.needs_statistics:
        (out / STATISTICS).write_bytes(recipe.preprocessing.statistics_file.read_bytes())
    after = at_temperature(before, temperature)
    describe = partial(
        save_metadata,
        out,
        recipe.preprocessing,
        recipe.labels,
        map_names(network, recipe.labels),
        name=recipe.name,
        version=recipe.version,
        architecture=recipe.architecture,
        config=recipe.config,
        temperature=temperature,
        uncertain_below=uncertain_below(after, COVERAGE),
        uncertain_coverage=COVERAGE,
        data_sha256=data_hash(samples),
        images={split: len(of_split(samples, split)) for split in ("train", "val", "test")},
        triage=triage(validated, recipe.labels, after, split="val"),
        recipe=asdict(recipe) | {"preprocessing": recipe.preprocessing.parameters},
        git_commit=_git_commit(),
        made_with={
            name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")
        },
        made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    describe()
    known: dict[str, Any] = {}
    if _save_training_films(load_artifact(out), trained, validated):
        known["unlike_training"] = {"distance": CHOSEN, "marked_on_val": MARKED_ON_VAL}
        describe(**known)
    films = films_of(load_artifact(out), validated)
    if films is not None:
        describe(**known, films=films)


def _save_training_films(
    artifact: Artifact, trained: Sequence[Sample], validated: Sequence[Sample]
) -> bool:
    """Write what later X-rays are compared with, as the int8 network sees it, because that is what
    serves. False when the network gives out no features."""
    engine = LiteRTEngine(artifact, os.cpu_count() or 1)
    films = training_films(engine, artifact, trained)
    if films.features is None:
        return False
    val = ask(engine, artifact, validated, gate=False)
    fit_reference(films, val).save(artifact.path / TRAINING_FILMS)
    return True


def measure(out: Path, samples: Sequence[Sample], network: keras.Model | None = None) -> Answers:
    """Add to the artifact's metadata how good it is on `test`, and what rounding to int8 cost.

    network: the unrounded network of `export`, to compare with. Without it the Keras engine is the
    reference, whose kernels are rounded, too.
    The gate is off: the figures are the network's. Returns: the int8 engine's answers.
    """
    artifact = load_artifact(out)
    tested = of_split(samples, "test")
    int8 = ask(LiteRTEngine(artifact, os.cpu_count() or 1), artifact, tested, gate=False)
    rounded = ask(KerasEngine(artifact, "float32"), artifact, tested, gate=False).probabilities
    found: dict[str, Any] = {"metrics": report(int8)}
    if network is None:
        found["int8"] = agreement(int8.probabilities, rounded)
    else:
        exact = probabilities_of(network, tested, artifact.preprocessing)
        found["int8"] = agreement(int8.probabilities, exact)
        found["rounded_weights"] = agreement(rounded, exact)
    write_metadata(out, json.loads((out / METADATA).read_text()) | found)
    return int8


def probabilities_of(
    network: keras.Model, samples: Sequence[Sample], preprocessing: Preprocessing
) -> np.ndarray:
    """(N, K) float32."""
    answers = []
    for start in range(0, len(samples), BATCH):
        images = np.stack(
            [prepared(sample, preprocessing).image for sample in samples[start : start + BATCH]]
        )
        answers.append(np.asarray(outputs_of(network, images)[0]))
    return np.concatenate(answers)


def _git_commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607 - the git of whoever trains
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    )
    return done.stdout.strip() or "unknown"
