"""How good probabilities are, with 95 % intervals from resampling patients."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from model.labels import LABELS

RESAMPLES = 1000
CALIBRATION_BINS = 15


@dataclass(frozen=True)
class Figure:
    """A measured value with its 95 % interval; None where it cannot be computed."""

    value: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, float | None]:
        return {"value": self.value, "low": self.low, "high": self.high}


def measures(targets: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """All figures of one set of images.

    targets: (N,) int, indices of LABELS. probabilities: (N, K) float, rows sum to 1.
    Returns: accuracy, balanced_accuracy, ece, brier; sensitivity_, specificity_, auroc_ of each
    class. None where a class is missing.
    """
    predicted = probabilities.argmax(axis=1)
    found: dict[str, float | None] = {
        "accuracy": float((predicted == targets).mean()),
        "balanced_accuracy": balanced_accuracy(targets, predicted),
        "ece": expected_calibration_error(targets, probabilities),
        "brier": brier_score(targets, probabilities),
    }
    for number, label in enumerate(LABELS):
        positive = targets == number
        found[f"sensitivity_{label}"] = _share(predicted[positive] == number)
        found[f"specificity_{label}"] = _share(predicted[~positive] != number)
        found[f"auroc_{label}"] = auroc(positive, probabilities[:, number])
    return found


def balanced_accuracy(targets: np.ndarray, predicted: np.ndarray) -> float:
    """Mean sensitivity of the classes that occur."""
    return float(np.mean([(predicted[targets == t] == t).mean() for t in np.unique(targets)]))


def expected_calibration_error(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean distance of confidence and accuracy over 15 bins (Guo et al. 2017, arXiv 1706.04599)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    error = 0.0
    for number in np.unique(bins):
        inside = bins == number
        error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return float(error)


def brier_score(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance to the one-hot truth, summed over classes: 0 (perfect) to 2."""
    truth = np.eye(probabilities.shape[1])[targets]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def auroc(positive: np.ndarray, score: np.ndarray) -> float | None:
    """Area under the ROC curve; None when there is only one class."""
    if positive.all() or not positive.any():
        return None
    return float(roc_auc_score(positive, score))


def ppv(sensitivity: float, specificity: float, prevalence: float) -> float | None:
    """Positive predictive value at a prevalence (0..1), by Bayes' rule."""
    flagged = sensitivity * prevalence + (1 - specificity) * (1 - prevalence)
    return sensitivity * prevalence / flagged if flagged else None


def with_intervals(
    targets: np.ndarray,
    probabilities: np.ndarray,
    patients: Sequence[str],
    measure: Callable = measures,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Figure]:
    """`measure` on all images, with percentile bootstrap intervals.

    Whole patients are drawn, because images of one patient are alike.
    """
    _, group = np.unique(np.asarray(patients), return_inverse=True)
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(group))[:-1])
    random = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {}
    for _ in range(resamples):
        chosen = random.integers(0, len(members), len(members))
        images = np.concatenate([members[number] for number in chosen])
        for name, value in measure(targets[images], probabilities[images]).items():
            if value is not None:
                drawn.setdefault(name, []).append(value)
    return {
        name: Figure(value, *_interval(drawn.get(name) if value is not None else None))
        for name, value in measure(targets, probabilities).items()
    }


def _interval(values: list[float] | None) -> tuple[float | None, float | None]:
    if not values:
        return None, None
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def _share(right: np.ndarray) -> float | None:
    return float(right.mean()) if len(right) else None
