"""Figures: against scikit-learn and by hand."""

import numpy as np
import pytest

from tests.support.answers import answers
from tests.support.toys import LABELS
from training.measure import metrics as ours
from training.measure.metrics import (
    MIN_PATIENTS,
    calibration,
    confusion,
    expected_calibration_error,
    measures_of,
    ppv,
)

metrics = pytest.importorskip("sklearn.metrics")


def measures(targets, probabilities, labels, patients=None):
    """Figures of images of as many patients; few are enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ours, "MIN_PATIENTS", 1)
        measure = measures_of(targets, patients or range(len(targets)), labels)
    return measure(targets, probabilities)


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


def test_classes_of_too_few_patients_are_not_compared():
    """Nine of PNEUMONIA: no AUROC, and no part of the balanced accuracy."""
    targets = np.repeat([0, 1, 2], [20, 20, MIN_PATIENTS - 1])
    probabilities = np.eye(3)[targets] * 0.8 + 0.1
    probabilities[0] = 0.1, 0.8, 0.1
    measure = measures_of(targets, range(len(targets)), LABELS)
    found = measure(targets, probabilities)

    assert found["auroc_PNEUMONIA"] is None
    assert found["auroc_COVID19"] < found["auroc_NORMAL"] + 0.1 <= 1.1
    assert found["sensitivity_PNEUMONIA"] == 1
    assert found["balanced_accuracy"] == pytest.approx((0.95 + 1) / 2)
    # Forty images of nine patients are nine.
    few = measures_of(targets, [n % 9 for n in range(len(targets))], LABELS)
    assert few(targets, probabilities)["balanced_accuracy"] is None


def test_the_classes_are_the_same_in_every_resample():
    targets = np.repeat([0, 1], [12, 12])
    measure = measures_of(targets, range(24), LABELS)
    found = measure(targets[:12], np.eye(3)[targets[:12]])

    assert found["accuracy"] == 1
    assert found["balanced_accuracy"] is found["auroc_COVID19"] is None


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05, 0], [0.95, 0, 0.05], [0.5, 0.3, 0.2], [0.1, 0.5, 0.4]])
    targets = np.array([0, 1, 0, 1])
    # Two answers at 0.95, one of them right; two at 0.5, both right.
    assert calibration(targets, probabilities) == [(0.5, 0.5, 1.0), (0.5, 0.95, 0.5)]
    assert expected_calibration_error(targets, probabilities) == pytest.approx((0.5 + 0.45) / 2)


def test_calibration_has_fifteen_bins_and_the_last_holds_certainty():
    highest = np.array([0.92, 0.94, 0.95, 1.0])
    probabilities = np.column_stack([highest, 1 - highest, np.zeros(4)])
    found = calibration(np.array([0, 0, 1, 0]), probabilities)
    assert found == [(0.25, 0.92, 1.0), (0.75, pytest.approx(2.89 / 3), pytest.approx(2 / 3))]


@pytest.mark.parametrize(("few", "compared"), [(9, False), (10, True)])
def test_ten_patients_are_enough_to_compare(few, compared):
    for rare in (0, 1):  # the class itself, or all others
        targets = np.repeat([rare, 1 - rare], [few, 30])
        probabilities = np.random.default_rng(0).dirichlet((1, 1, 1), few + 30)
        found = measures_of(targets, range(few + 30), LABELS)(targets, probabilities)
        assert (found["auroc_COVID19"] is not None) == compared
        assert (found["balanced_accuracy"] is not None) == compared


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
    assert found["accuracy"] == 0.5
    assert found["balanced_accuracy"] is None
    assert found["auroc_NORMAL"] is None
    assert found["specificity_NORMAL"] is None


def test_auroc_of_ties_is_one_half():
    found = measures(np.array([0, 1, 0, 1]), np.full((4, 3), 1 / 3), LABELS)
    assert found["auroc_COVID19"] == 0.5


def test_predictive_value_by_hand():
    # Of 1,000 patients 100 are ill: 90 found, and 90 of the 900 others called ill.
    assert ppv(0.9, 0.9, 0.1) == pytest.approx(0.5)
    assert ppv(0, 1, 0.1) is None
