"""Figures: against scikit-learn and by hand."""

import numpy as np
import pytest

from tests.support.answers import answers
from tests.support.toys import LABELS
from training.measure.metrics import (
    auroc,
    calibration,
    confusion,
    expected_calibration_error,
    found_by_threshold,
    measures,
    ppv,
)

metrics = pytest.importorskip("sklearn.metrics")


@pytest.fixture(scope="module", params=range(3))
def drawn(request) -> tuple[np.ndarray, np.ndarray]:
    return answers(seed=request.param)


def test_figures_are_scikit_learns(drawn):
    targets, probabilities = drawn
    predicted = probabilities.argmax(axis=1)
    found = measures(targets, probabilities, LABELS)

    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(targets, predicted))
    assert found["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(targets, predicted)
    )
    assert found["brier"] == pytest.approx(
        metrics.brier_score_loss(targets, probabilities, scale_by_half=False)
    )
    sensitivities = metrics.recall_score(targets, predicted, average=None)
    for number, label in enumerate(LABELS):
        positive = targets == number
        assert found[f"auroc_{label}"] == pytest.approx(
            metrics.roc_auc_score(positive, probabilities[:, number])
        )
        assert found[f"sensitivity_{label}"] == pytest.approx(sensitivities[number])
        assert found[f"specificity_{label}"] == pytest.approx(
            metrics.recall_score(~positive, predicted != number)
        )
    np.testing.assert_array_equal(
        confusion(targets, probabilities), metrics.confusion_matrix(targets, predicted)
    )


def test_curves_are_scikit_learns(drawn):
    targets, probabilities = drawn
    positive, score = targets == 1, probabilities[:, 1]
    true, false = found_by_threshold(positive, score)
    expected_false, expected_true, _ = metrics.roc_curve(positive, score, drop_intermediate=False)

    np.testing.assert_allclose([0, *true / true[-1]], expected_true)
    np.testing.assert_allclose([0, *false / false[-1]], expected_false)


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05, 0], [0.95, 0, 0.05], [0.5, 0.3, 0.2], [0.1, 0.5, 0.4]])
    targets = np.array([0, 1, 0, 1])
    # Two answers at 0.95, one of them right; two at 0.5, both right.
    assert calibration(targets, probabilities) == [(0.5, 0.5, 1.0), (0.5, 0.95, 0.5)]
    assert expected_calibration_error(targets, probabilities) == pytest.approx((0.5 + 0.45) / 2)


def test_sure_and_right_is_perfect():
    targets = np.array([0, 1, 2, 1])
    found = measures(targets, np.eye(3)[targets], LABELS)
    assert found["ece"] == found["brier"] == found["normal_called_covid19"] == 0
    assert found["accuracy"] == found["auroc_NORMAL"] == 1


def test_normals_called_covid19():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.2, 0.7], [0.7, 0.2, 0.1]])
    found = measures(np.array([1, 1, 1, 0]), probabilities, LABELS)
    assert found["normal_called_covid19"] == pytest.approx(1 / 3)


def test_two_labels_of_other_names():
    targets = np.array([0, 1, 1, 1])
    probabilities = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9]])
    found = measures(targets, probabilities, ("EFFUSION", "CLEAR"))
    assert found["sensitivity_EFFUSION"] == 1
    assert found["specificity_EFFUSION"] == found["sensitivity_CLEAR"] == pytest.approx(2 / 3)
    assert "normal_called_covid19" not in found


def test_one_class_alone():
    found = measures(np.array([1, 1]), np.array([[0.2, 0.6, 0.2], [0.5, 0.3, 0.2]]), LABELS)
    assert found["accuracy"] == found["balanced_accuracy"] == 0.5
    assert found["auroc_NORMAL"] is None
    assert found["specificity_NORMAL"] is None


def test_auroc_of_ties_is_one_half():
    assert auroc(np.array([True, False, True, False]), np.ones(4)) == 0.5


def test_predictive_value_by_hand():
    # Of 1,000 patients 100 are ill: 90 found, and 90 of the 900 others called ill.
    assert ppv(0.9, 0.9, 0.1) == pytest.approx(0.5)
    assert ppv(0, 1, 0.1) is None
