"""How good probabilities are.

N images, K classes. Everything is computed a thousand times for intervals, so nothing here checks
its input twice. No TensorFlow: a released model can be measured without it.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from scipy.stats import rankdata

CALIBRATION_BINS = 15
# Fewer patients of a class, or of all others, say nothing about how well they are told apart.
MIN_PATIENTS = 10

Measure = Callable[[np.ndarray, np.ndarray], dict[str, float | None]]


def measures_of(targets: np.ndarray, patients: Sequence[str], labels: Sequence[str]) -> Measure:
    """`measures` for these images and for resamples of them: the same classes in each.

    Those that are compared have at least MIN_PATIENTS patients, and so have the others together.
    """
    of_class = [set(np.asarray(patients)[targets == k]) for k in range(len(labels))]
    others = [set(np.asarray(patients)[targets != k]) for k in range(len(labels))]
    enough = [len(found) >= MIN_PATIENTS for found in of_class]
    told_apart = [k for k in range(len(labels)) if enough[k] and len(others[k]) >= MIN_PATIENTS]
    balanced = [k for k in range(len(labels)) if enough[k]] if sum(enough) > 1 else []
    return partial(measures, labels=labels, told_apart=told_apart, balanced=balanced)


def measures(
    targets: np.ndarray,
    probabilities: np.ndarray,
    labels: Sequence[str],
    told_apart: Sequence[int],
    balanced: Sequence[int],
) -> dict[str, float | None]:
    """All figures of one set of images.

    targets: (N,) int, indices of the K labels. probabilities: (N, K) float, rows sum to 1.
    told_apart, balanced: indices of the labels with an AUROC, and of those whose mean sensitivity
    is the balanced accuracy; see `measures_of`.
    Returns: accuracy, balanced_accuracy, ece, brier; normal_called_covid19, where there are labels
    of these names; sensitivity_, specificity_, auroc_ of each class. None where a class is missing.
    """
    counts = confusion(targets, probabilities)
    of_class, called, right = counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()
    n = len(targets)
    found: dict[str, float | None] = {
        "accuracy": float(right.sum() / n),
        "balanced_accuracy": None,
        "ece": expected_calibration_error(targets, probabilities),
        "brier": brier_score(targets, probabilities),
    }
    if len(balanced) and of_class[balanced].all():
        found["balanced_accuracy"] = float((right[balanced] / of_class[balanced]).mean())
    if {"COVID19", "NORMAL"} <= {*labels}:
        normal, covid19 = labels.index("NORMAL"), labels.index("COVID19")
        found["normal_called_covid19"] = _share(counts[normal, covid19], of_class[normal])
    for k, label in enumerate(labels):
        found[f"sensitivity_{label}"] = _share(right[k], of_class[k])
        truly_not = n - of_class[k] - (called[k] - right[k])
        found[f"specificity_{label}"] = _share(truly_not, n - of_class[k])
        apart = k in told_apart and 0 < of_class[k] < n
        found[f"auroc_{label}"] = auroc(targets == k, probabilities[:, k]) if apart else None
    return found


def expected_calibration_error(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean distance of confidence and accuracy over 15 bins (Guo et al. 2017, arXiv 1706.04599)."""
    return float(
        sum(
            share * abs(confidence - accuracy)
            for share, confidence, accuracy in calibration(targets, probabilities)
        )
    )


def calibration(targets: np.ndarray, probabilities: np.ndarray) -> list[tuple[float, float, float]]:
    """(share of the images, mean confidence, accuracy) of each bin that has images."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return [
        (float(inside.mean()), float(confidence[inside].mean()), float(right[inside].mean()))
        for inside in (bins == number for number in np.unique(bins))
    ]


def auroc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive one scores higher than another, where a tie
    counts as half (Hanley and McNeil 1982).

    positive: (N,) bool, at least one of each kind. scores: (N,).
    """
    ones = int(positive.sum())
    ranks = rankdata(scores)[positive].sum()
    return float((ranks - ones * (ones + 1) / 2) / (ones * (len(positive) - ones)))


def brier_score(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance to the one-hot truth, summed over classes: 0 (perfect) to 2."""
    # In float32 the rows' sums are off by more than the fourth decimal bears.
    rows = probabilities.astype(np.float64)
    rows /= rows.sum(axis=1, keepdims=True)
    rows[np.arange(len(rows)), targets] -= 1
    return float((rows**2).sum(axis=1).mean())


def ppv(sensitivity: float, specificity: float, prevalence: float) -> float | None:
    """Positive predictive value at a prevalence (0..1), by Bayes' rule."""
    flagged = sensitivity * prevalence + (1 - specificity) * (1 - prevalence)
    return sensitivity * prevalence / flagged if flagged else None


def confusion(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(K, K) int: images of class row that were called class column."""
    classes = probabilities.shape[1]
    pairs = targets * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def _share(count: int, of: int) -> float | None:
    return float(count / of) if of else None
