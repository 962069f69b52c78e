"""What a model's films looked like when it was made, for telling when others come.

Of each film a few numbers are known; an artifact keeps a histogram of each, over the films that the
model was validated with and that the gate let through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

BINS = 10
# distance: of its features from the training films (`model.doubt`). gate: its score, 0..1.
# mean, contrast: mean and standard deviation of the network's input (its first channel), in the
# input's own unit. aspect: width over height of the film.
STATISTICS = ("distance", "gate", "mean", "contrast", "aspect")


@dataclass(frozen=True)
class Histogram:
    """edges: between the bins, ascending. counts: of values, one more than there are edges; a value
    on an edge is in the bin below it."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """With bins that hold a tenth of the values each, or more where many are the same."""
        ordered = np.sort(np.asarray(values, float))
        # Each edge is one of the values, so no bin is empty.
        ranks = -(-np.arange(1, BINS) * len(ordered) // BINS)
        edges = np.unique(ordered[ranks - 1])
        # Nothing is above the highest value; only where all are the same there is no other edge.
        edges = edges[edges < ordered[-1]] if len(edges) > 1 else edges
        bins = np.searchsorted(edges, values, side="left")
        counts = np.bincount(bins, minlength=len(edges) + 1)
        return cls(tuple(edges.tolist()), tuple(counts.tolist()))

    def as_json(self) -> dict[str, Any]:
        return {"edges": list(self.edges), "counts": list(self.counts)}


def histograms(metadata: Mapping[str, Any]) -> dict[str, Histogram]:
    """By statistic, from an artifact's metadata; none in artifacts made before there were any."""
    found = metadata.get("films", {}).get("histograms", {})
    return {
        name: Histogram(tuple(found[name]["edges"]), tuple(found[name]["counts"]))
        for name in STATISTICS
        if name in found
    }


def of_input(image: np.ndarray) -> dict[str, float]:
    """`mean` and `contrast` of the network's input, (S, S, 3) float32."""
    channel = image[..., 0]
    return {"mean": float(channel.mean()), "contrast": float(channel.std())}
