"""Probabilities corrected for one hospital, by films that were read there: `cxr calibrate`.

In a strange hospital the order of a network's answers holds up better than their level
(docs/model-development.md): one temperature and one shift for each label, fitted on a few dozen
patients, bring the level back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MIN_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Calibration:
    """Logarithms of the network's probabilities are divided by `temperature` (over 0), `shifts`
    (K,) are added, and a softmax follows.
    """

    temperature: float
    shifts: tuple[float, ...]

    def of(self, probabilities: np.ndarray) -> np.ndarray:
        """(N, K) → (N, K) float32, rows sum to 1."""
        logits = self.logits(probabilities)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    def logits(self, probabilities: np.ndarray) -> np.ndarray:
        """(N, K) → (N, K) float64, whose softmax is the corrected probabilities."""
        exact = probabilities.astype(np.float64)
        return np.log(exact + MIN_PROBABILITY) / self.temperature + self.shifts

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], labels: Sequence[str]) -> "Calibration":
        """kept: as `as_json` gives it. Raises KeyError for a label without a shift."""
        return cls(float(kept["temperature"]), tuple(float(kept["shifts"][one]) for one in labels))

    def as_json(self, labels: Sequence[str]) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "shifts": dict(zip(labels, self.shifts, strict=True)),
        }
