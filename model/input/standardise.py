"""Grey values in place of VGG's own input: the standardisation of Keras' ImageDataGenerator.

The options keep their names there. What they need to know of the training images is fitted once, on
`train`, and lies beside an artifact's weights, so that serving applies the same.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EPSILON = 1e-6


@dataclass(frozen=True)
class Standardisation:
    """Applied to grey levels, 0..255, in this order; each can be left out.

    rescale: what the levels are multiplied by.
    samplewise_center, samplewise_std_normalization: each image's own mean is taken away, and it is
        divided by its own standard deviation (which takes the mean away, too).
    featurewise_center, featurewise_std_normalization: the same with the training images' mean and
        deviation.
    zca_whitening: pixels are decorrelated over the training images (Krizhevsky 2009, appendix A),
        after their mean is taken away.
    """

    rescale: float = 1.0
    samplewise_center: bool = False
    samplewise_std_normalization: bool = False
    featurewise_center: bool = False
    featurewise_std_normalization: bool = False
    zca_whitening: bool = False

    @property
    def centres(self) -> bool:
        """Whether the training images' mean is taken away."""
        return self.featurewise_center or self.featurewise_std_normalization or self.zca_whitening


@dataclass(frozen=True)
class Statistics:
    """Of the training images. mean, std: of all their pixels, samplewise steps done.

    whitening: (S*S, R) float32, R images; `x @ whitening @ whitening.T` is white. None without ZCA.
    """

    mean: float
    std: float
    whitening: np.ndarray | None = None


def by_itself(grey: np.ndarray, how: Standardisation) -> np.ndarray:
    """The steps that need one image alone. grey: (S, S) float32, 0..1. Returns: (S, S) float32."""
    values = grey * np.float32(255 * how.rescale)
    if how.samplewise_center or how.samplewise_std_normalization:
        values = values - values.mean()
    if how.samplewise_std_normalization:
        values = values / (values.std() + EPSILON)
    return values.astype(np.float32)


def by_all(values: np.ndarray, how: Standardisation, known: Statistics) -> np.ndarray:
    """The steps that need the training images. values: (S, S) of `by_itself`; left alone."""
    if how.centres:
        values = values - known.mean
    if how.featurewise_std_normalization and not how.zca_whitening:
        values = values / (known.std + EPSILON)
    if how.zca_whitening:
        values = ((values.ravel() @ known.whitening) @ known.whitening.T).reshape(values.shape)
    return values.astype(np.float32)


def standardise(grey: np.ndarray, how: Standardisation, file: Path | None) -> np.ndarray:
    """grey: (S, S) float32, 0..1; left alone. file: with the statistics, where `how` needs them.

    Returns: (S, S, 3) float32, three equal channels.
    Raises ValueError when the statistics are needed and were never fitted.
    """
    values = by_itself(grey, how)
    if how.centres:
        if file is None:
            raise ValueError("The featurewise steps need statistics of the training images.")
        values = by_all(values, how, load_statistics(file))
    return np.repeat(values[..., None], 3, axis=-1)


def save_statistics(statistics: Statistics, file: Path) -> None:
    whitening = {} if statistics.whitening is None else {"whitening": statistics.whitening}
    np.savez(file, mean=statistics.mean, std=statistics.std, **whitening)


def load_statistics(file: Path) -> Statistics:
    """Of `save_statistics`; kept in memory until the file changes."""
    return _load(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _load(file: Path, _changed_ns: int) -> Statistics:
    with np.load(file) as arrays:
        return Statistics(float(arrays["mean"]), float(arrays["std"]), arrays.get("whitening"))
