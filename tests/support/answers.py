"""Answers of a network that nobody trained, for the tests of the figures."""

import numpy as np

from tests.support.toys import LABELS


def answers(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Targets and probabilities that are right more often than not, in steps, so that some tie."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, len(LABELS), n)
    scores = random.random((n, len(LABELS))) + np.eye(len(LABELS))[targets] / 2
    probabilities = np.round(scores / scores.sum(axis=1, keepdims=True), 2)
    return targets, probabilities / probabilities.sum(axis=1, keepdims=True)
