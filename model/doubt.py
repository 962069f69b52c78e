"""Why a result is uncertain: a person looks first.

A probability alone does not know that a hospital is strange: a network is sure of what it has never
seen. So the pooled features of an X-ray, their length left aside, are also compared with those of
the training films that are nearest (Sun et al. 2022, arXiv 2204.06507). What this is worth is
measured on sources that were left out, and it is little: docs/model-development.md.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

Reason = Literal["close_call", "unlike_training", "frame_not_found"]

EPSILON = 1e-6

MEANINGS: dict[Reason, str] = {
    "close_call": "The highest probability is low for this model.",
    "unlike_training": "The X-ray is unlike those that the model was trained on.",
    "frame_not_found": "The lungs were not found, so the model saw the whole film.",
}


def of_length_one(features: np.ndarray) -> np.ndarray:
    """(N, C) float → (N, C) float32; features that are 0 everywhere stay so."""
    features = features.astype(np.float32)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), EPSILON)


@dataclass(frozen=True)
class Reference:
    """The training films as points, and from where on an X-ray is unlike them.

    centre: (C,). directions: (C, D), onto which features of length 1 are projected, centred.
    points: (M, D), training films, or the mean of each class. nearest: how many of the nearest
    points count.
    limit: the distance that few films of `val` exceed.
    """

    centre: np.ndarray
    directions: np.ndarray
    points: np.ndarray
    nearest: int
    limit: float

    def distances(self, features: np.ndarray) -> np.ndarray:
        """(N, C) float → (N,) float32: mean distance to the nearest points."""
        placed = (of_length_one(features) - self.centre) @ self.directions
        squares = (placed**2).sum(axis=1)[:, None] - 2 * placed @ self.points.T + self._squares
        nearest = np.partition(squares, self.nearest - 1, axis=1)[:, : self.nearest]
        return np.sqrt(np.maximum(nearest, 0)).mean(axis=1)

    @cached_property
    def _squares(self) -> np.ndarray:
        """(M,) of the points' lengths."""
        return (self.points**2).sum(axis=1)

    def save(self, file: Path) -> None:
        halved = {name: getattr(self, name).astype(np.float16) for name in ("directions", "points")}
        np.savez_compressed(
            file, centre=self.centre, nearest=self.nearest, limit=self.limit, **halved
        )

    @classmethod
    def load(cls, file: Path) -> "Reference":
        with np.load(file) as arrays:
            return cls(
                *(arrays[name].astype(np.float32) for name in ("centre", "directions", "points")),
                nearest=int(arrays["nearest"]),
                limit=float(arrays["limit"]),
            )
