"""What an input's standardisation has to know of the training images: fitted once, on `train`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from model.artifact import STATISTICS
from model.input.standardise import Standardisation, Statistics, by_all, by_itself, save_statistics
from training.data.reading import grey
from training.data.samples import Sample
from training.errors import TrainingError
from training.fitting.recipe import Recipe

# Images that ZCA is fitted on: its matrix has a column for each, of as many pixels as the input.
ZCA_IMAGES = 256


def fit_statistics(greys: Sequence[np.ndarray], how: Standardisation, seed: int = 0) -> Statistics:
    """Of the (S, S) float32 pictures, 0..1, as Keras' ImageDataGenerator computes them.

    ZCA is fitted on ZCA_IMAGES of them, drawn by chance, where there are more.
    """
    values = [by_itself(one, how) for one in greys]
    mean = float(np.mean([one.mean(dtype=np.float64) for one in values]))
    square = np.mean([np.mean((one - mean) ** 2, dtype=np.float64) for one in values])
    known = Statistics(mean, float(np.sqrt(square)))
    if not how.zca_whitening:
        return known
    chosen = np.random.default_rng(seed).permutation(len(values))[:ZCA_IMAGES]
    centred = replace(how, zca_whitening=False, featurewise_center=True)
    centred = replace(centred, featurewise_std_normalization=False)
    rows = np.stack([by_all(values[n], centred, known).ravel() for n in chosen])
    return replace(known, whitening=_whitening(rows))


def _whitening(rows: np.ndarray) -> np.ndarray:
    """(D, R) float32 of (R, D) centred rows: the square root of the whitening matrix."""
    directions, sizes, _ = np.linalg.svd(rows.T, full_matrices=False)
    scales = np.sqrt(len(rows)) / (sizes + 1e-6)
    return (directions * np.sqrt(scales)).astype(np.float32)


def fitted(recipe: Recipe, trained: Sequence[Sample], run: Path) -> Recipe:
    """The recipe with statistics of the training images, which are written into `run`.

    Unchanged when its input needs none.
    """
    how = recipe.preprocessing.standardisation
    if how is None or not recipe.preprocessing.needs_statistics:
        return recipe
    greys = [grey(sample, recipe.preprocessing) for sample in trained]
    save_statistics(fit_statistics(greys, how, recipe.seed), run / STATISTICS)
    return with_statistics(recipe, run)


def with_statistics(recipe: Recipe, run: Path) -> Recipe:
    """The recipe with the statistics that a training run kept.

    Raises TrainingError when it needs some and there are none.
    """
    if not recipe.preprocessing.needs_statistics:
        return recipe
    file = run / STATISTICS
    if not file.is_file():
        raise TrainingError(f"There is no {STATISTICS} in {run}, which this recipe's input needs.")
    return replace(recipe, preprocessing=replace(recipe.preprocessing, statistics_file=file))
