"""What every engine returns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Output:
    """What a network says about N images.

    probabilities: (N, K) float32, K labels in the artifact's order; each row sums to 1.
    maps: by name, in the artifact's order, (N, h, w) float32, 0..1; empty without attention.
    """

    probabilities: np.ndarray
    maps: dict[str, np.ndarray]


def joined(outputs: Sequence[Output]) -> Output:
    """Several outputs of the same network, one after the other. At least one is needed."""
    return Output(
        np.concatenate([output.probabilities for output in outputs]),
        {
            name: np.concatenate([output.maps[name] for output in outputs])
            for name in outputs[0].maps
        },
    )
