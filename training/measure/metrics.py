"""How good probabilities are.

N images, K classes. Plain numpy, so that a released model can be checked without TensorFlow.
"""

from collections.abc import Sequence

import numpy as np

CALIBRATION_BINS = 15


def measures(
    targets: np.ndarray, probabilities: np.ndarray, labels: Sequence[str]
) -> dict[str, float | None]:
    """All figures of one set of images.

    targets: (N,) int, indices of the K labels. probabilities: (N, K) float, rows sum to 1.
    Returns: accuracy, balanced_accuracy, ece, brier; normal_called_covid19, where there are labels
    of these names; sensitivity_, specificity_, auroc_ of each class. None where a class is missing.
    """
    predicted = probabilities.argmax(axis=1)
    found: dict[str, float | None] = {
        "accuracy": float((predicted == targets).mean()),
        "balanced_accuracy": balanced_accuracy(targets, predicted),
        "ece": expected_calibration_error(targets, probabilities),
        "brier": brier_score(targets, probabilities),
    }
    if {"COVID19", "NORMAL"} <= {*labels}:
        normals = predicted[targets == labels.index("NORMAL")]
        found["normal_called_covid19"] = _share(normals == labels.index("COVID19"))
    for number, label in enumerate(labels):
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


def brier_score(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance to the one-hot truth, summed over classes: 0 (perfect) to 2."""
    truth = np.eye(probabilities.shape[1])[targets]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def auroc(positive: np.ndarray, score: np.ndarray) -> float | None:
    """Area under the ROC curve, from the ranks of the scores; None when there is only one class.

    The chance that a positive image scores above a negative one, ties counting half (Hanley and
    McNeil 1982).
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    above = ranks[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def found_by_threshold(positive: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many true and how many false positives each threshold gives, from the highest down.

    positive: (N,) bool. score: (N,). Returns: two (T,) int, one threshold for each distinct score.
    """
    order = np.argsort(-score)
    last = np.flatnonzero(np.diff(score[order], append=-np.inf))  # of equal scores
    return np.cumsum(positive[order])[last], np.cumsum(~positive[order])[last]


def ppv(sensitivity: float, specificity: float, prevalence: float) -> float | None:
    """Positive predictive value at a prevalence (0..1), by Bayes' rule."""
    flagged = sensitivity * prevalence + (1 - specificity) * (1 - prevalence)
    return sensitivity * prevalence / flagged if flagged else None


def confusion(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(K, K) int: images of class row that were called class column."""
    classes = probabilities.shape[1]
    pairs = targets * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def _share(right: np.ndarray) -> float | None:
    return float(right.mean()) if len(right) else None
