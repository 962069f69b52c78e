"""Honest probabilities: one temperature, fitted on the validation split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from model.calibration import MIN_PROBABILITY, Calibration
from training.data.samples import Sample
from training.measure.evaluate import WELL

# The share of films whose highest probability is not too low to go unmarked.
COVERAGE = 0.9
# What a triage that may miss nobody asks for.
TRIAGE_SENSITIVITY = 0.95


def fit_temperature(targets: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> float:
    """The temperature with the smallest log loss (Guo et al. 2017, arXiv 1706.04599, section 4.2).

    targets: (N,) int. probabilities: (N, K). weights: (N,). Returns: a number in 0.2..5.
    """

    def loss(log_temperature: float) -> float:
        scaled = at_temperature(probabilities, np.exp(log_temperature))
        right = scaled[np.arange(len(targets)), targets]
        return -float(np.average(np.log(right + MIN_PROBABILITY), weights=weights))

    bounds = (np.log(0.2), np.log(5))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def at_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax probabilities as if the logits had been divided by `temperature`. (N, K)."""
    unshifted = Calibration(temperature, (0.0,) * probabilities.shape[1])
    return softmax(unshifted.logits(probabilities), axis=1)


def fold_in(network, temperature: float) -> None:
    """Divide the last layer's weights, so that the network itself answers at that temperature."""
    layer = network.get_layer("probabilities")
    layer.set_weights([values / temperature for values in layer.get_weights()])


def uncertain_below(probabilities: np.ndarray, coverage: float) -> float:
    """The highest probability that `coverage` (0..1) of the images reach."""
    return float(np.quantile(probabilities.max(axis=1), 1 - coverage))


def operating_point(ill: np.ndarray, score: np.ndarray, sensitivity: float) -> dict[str, float]:
    """The highest threshold of a score that finds a share of the ill, and what it costs.

    ill: (N,) bool, of each at least one. score: (N,), higher is worse.
    Returns: threshold (an image at or above it is flagged), and sensitivity and specificity there.
    """
    threshold = float(np.quantile(score[ill], 1 - sensitivity, method="lower"))
    return {
        "threshold": threshold,
        "sensitivity": float((score[ill] >= threshold).mean()),
        "specificity": float((score[~ill] < threshold).mean()),
    }


def triage(
    samples: Sequence[Sample], labels: tuple[str, ...], probabilities: np.ndarray, split: str
) -> dict[str, Any] | None:
    """Where to draw the line when no ill person may be missed; None when the films cannot tell.

    probabilities: (N, K) for the samples. split: which films these are, for the record.
    """
    ill = np.array([sample.label != WELL for sample in samples])
    if WELL not in labels or ill.all() or not ill.any():
        return None
    point = operating_point(ill, 1 - probabilities[:, labels.index(WELL)], TRIAGE_SENSITIVITY)
    return {"well": WELL, "split": split, **point}
