"""Intervals: they hold the value, widen with fewer patients, and are honest where all agree."""

import json

import numpy as np
import pytest

from tests.support.answers import answers
from tests.support.toys import LABELS
from training.measure import intervals
from training.measure.intervals import Figure, rule_of_three, wilson
from training.measure.metrics import measures_of


def with_intervals(targets, probabilities, patients, resamples):
    measure = measures_of(targets, patients, LABELS)
    return intervals.with_intervals(targets, probabilities, patients, measure, resamples)


def test_a_missing_class_gives_none_and_not_nan():
    targets, probabilities = answers()
    without = targets != LABELS.index("PNEUMONIA")
    found = with_intervals(
        targets[without], probabilities[without], list(np.flatnonzero(without)), resamples=20
    )

    assert found["auroc_PNEUMONIA"] == found["sensitivity_PNEUMONIA"] == Figure(None, None, None)
    assert found["specificity_PNEUMONIA"].value > 0
    figures = {name: figure.as_dict() for name, figure in found.items()}
    assert "NaN" not in json.dumps(figures)


def width(figure: Figure) -> float:
    return figure.high - figure.low


def test_intervals_hold_the_value_and_widen_with_fewer_patients():
    targets, probabilities = answers(600)
    many = with_intervals(targets, probabilities, [str(n) for n in range(600)], resamples=100)
    few = with_intervals(targets, probabilities, [str(n % 12) for n in range(600)], resamples=100)
    small = with_intervals(targets[:60], probabilities[:60], list(range(60)), resamples=100)

    for found in (many, few, small):
        for figure in found.values():
            assert figure.value is None or figure.low <= figure.value <= figure.high
    assert many["accuracy"].value == few["accuracy"].value
    assert width(small["accuracy"]) > 2 * width(many["accuracy"])


def test_intervals_are_of_95_per_cent():
    """Of a share in many patients, as the normal distribution has it."""
    right = np.random.default_rng(1).random(900) < 0.7
    found = intervals.with_intervals(
        right, right, range(900), lambda of, _: {"accuracy": float(of.mean())}, resamples=2000
    )["accuracy"]
    around = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 900)
    assert (found.high - found.value, found.value - found.low) == pytest.approx(
        (around, around), rel=0.08
    )


def test_an_error_that_may_be_none_at_all_is_not_less_than_none():
    noise = np.random.default_rng(0).normal(0, 1, 100)
    found = intervals.with_intervals(
        noise, noise, range(100), lambda of, _: {"ece": abs(float(of.mean()))}, resamples=200
    )["ece"]
    assert found.low == 0
    assert found.high > 0


def test_images_of_one_patient_count_as_one():
    """Forty equal images of a patient say no more than one of them does."""
    targets, probabilities = answers(30)
    alone = with_intervals(targets, probabilities, list(range(30)), resamples=100)
    many = np.repeat(targets, 40), np.repeat(probabilities, 40, axis=0)
    repeated = with_intervals(*many, list(np.repeat(range(30), 40)), resamples=100)
    by_image = with_intervals(*many, list(range(1200)), resamples=100)

    assert repeated["accuracy"] == alone["accuracy"]
    assert width(by_image["accuracy"]) < width(repeated["accuracy"]) / 3


def test_intervals_are_the_same_each_time():
    targets, probabilities = answers(50)
    first, second = (
        with_intervals(targets, probabilities, list(range(50)), resamples=50) for _ in range(2)
    )
    assert first == second


def test_one_patient_has_no_interval():
    targets, probabilities = answers(20)
    found = with_intervals(targets, probabilities, ["p"] * 20, resamples=10)
    assert found["accuracy"].value is not None
    for figure in found.values():
        assert figure.low is figure.high is None


def test_patients_who_all_agree():
    """All right, and the classes perfectly told apart; two of twelve normals are one patient."""
    targets = np.array([0] * 30 + [1] * 12)
    patients = [*range(30), *range(31, 42), 41]
    found = with_intervals(targets, np.eye(3)[targets], patients, resamples=30)

    assert found["accuracy"] == Figure(1, pytest.approx(1 - 3 / 41), 1)
    assert found["sensitivity_COVID19"] == Figure(1, pytest.approx(0.9), 1)
    assert found["normal_called_covid19"] == Figure(0, 0, pytest.approx(3 / 11))
    assert found["auroc_COVID19"] == Figure(1)


@pytest.mark.parametrize(
    ("value", "patients", "expected"),
    [
        (1, 100, Figure(1, 0.97, 1)),
        (0, 300, Figure(0, 0, 0.01)),
        (0, 2, Figure(0, 0, 1)),
        (1, 1, Figure(1)),
    ],
)
def test_rule_of_three(value, patients, expected):
    assert rule_of_three(value, patients) == expected


def test_the_calibration_error_is_corrected_for_its_bias():
    """Answers that are calibrated by construction: what is measured there is chance."""
    random = np.random.default_rng(0)
    probabilities = random.dirichlet((1, 1, 1), 300)
    targets = (probabilities.cumsum(axis=1) < random.random((300, 1))).sum(axis=1)
    measure = measures_of(targets, range(300), LABELS)
    measured = measure(targets, probabilities)["ece"]
    found = with_intervals(targets, probabilities, range(300), resamples=100)["ece"]

    assert 0 <= found.low <= found.value <= found.high
    assert found.value < 0.8 * measured
    assert found.low < 0.02
    # And an error that is really there stays.
    sure = np.eye(3)[random.integers(0, 3, 300)] * 0.9 + 0.1 / 3
    wrong = with_intervals(targets, sure, range(300), resamples=100)["ece"]
    assert wrong.low > 0.4


def test_wilson_by_hand():
    # 26 of 27; the formula of Wilson 1927 with z = 1.96.
    found = wilson(26, 27)
    assert (found.value, found.low, found.high) == pytest.approx(
        (26 / 27, 0.8172, 0.9934), abs=1e-4
    )
    assert wilson(27, 27).high == 1
