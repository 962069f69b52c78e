"""From a trained network to an artifact: calibrated, rounded to int8, measured, described."""

import datetime
import importlib.metadata
import os
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from model.artifact import INT8, WEIGHTS, save_metadata
from model.images import decode
from model.preprocess import prepare
from model.weights import save_weights
from training.calibrate import fit_temperature, fold_in, uncertain_below
from training.fit import targets
from training.manifest import Sample, data_hash, of_split
from training.recipe import Recipe
from training.weighting import sample_weights

CALIBRATION_IMAGES = 200
COVERAGE = 0.9
BATCH = 64


def export(network, recipe: Recipe, samples: Sequence[Sample], out: Path) -> None:
    """Write the artifact of a trained float32 network into the folder `out`.

    The temperature and the threshold come from the split `val`, the int8 ranges from `train`.
    """
    out.mkdir(parents=True, exist_ok=True)
    validated = of_split(samples, "val")
    before = probabilities_of(network, validated, recipe)
    temperature = fit_temperature(targets(validated), before, sample_weights(validated))
    fold_in(network, temperature)
    after = probabilities_of(network, validated, recipe)
    save_weights(network, out / WEIGHTS)
    trained = of_split(samples, "train")
    chosen = np.random.default_rng(recipe.seed).permutation(len(trained))[:CALIBRATION_IMAGES]
    images = [_load(trained[number], recipe) for number in chosen]
    (out / INT8).write_bytes(to_int8_network(network, images))
    save_metadata(
        out,
        recipe.preprocessing,
        name=recipe.name,
        version=recipe.version,
        architecture=recipe.architecture,
        config=recipe.config,
        temperature=temperature,
        uncertain_below=uncertain_below(after, COVERAGE),
        uncertain_coverage=COVERAGE,
        data_sha256=data_hash(samples),
        images={split: len(of_split(samples, split)) for split in ("train", "val", "test")},
        recipe=asdict(recipe),
        git_commit=_git_commit(),
        made_with={
            name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")
        },
        made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def probabilities_of(network, samples: Sequence[Sample], recipe: Recipe) -> np.ndarray:
    """(N, K) float32."""
    answers = []
    for start in range(0, len(samples), BATCH):
        images = np.stack([_load(sample, recipe) for sample in samples[start : start + BATCH]])
        answers.append(np.asarray(network.predict_on_batch(images)[0]))
    return np.concatenate(answers)


def to_int8_network(network, calibration: Iterable[np.ndarray]) -> bytes:
    """The network as a LiteRT file with int8 weights and activations, float32 in and out.

    calibration: (S, S, 3) float32 images, from which the ranges of the activations are taken.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in calibration)
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]
        return converter.convert()


def _load(sample: Sample, recipe: Recipe) -> np.ndarray:
    return prepare(decode(sample.path).pixels, recipe.preprocessing)[0]


def _git_commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    )
    return done.stdout.strip() or "unknown"
