"""Calibration: the temperature that was applied is found, and folded into a real network."""

import numpy as np
import pytest

from training.measure.metrics import expected_calibration_error
from training.release.calibrate import (
    at_temperature,
    fit_temperature,
    fold_in,
    operating_point,
    uncertain_below,
)


@pytest.fixture(scope="module")
def honest() -> tuple[np.ndarray, np.ndarray]:
    """Targets drawn by the very probabilities: calibrated by construction."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, (5000, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = (probabilities.cumsum(axis=1) < random.random((5000, 1))).sum(axis=1)
    return targets, probabilities


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_found(honest, temperature):
    targets, probabilities = honest
    distorted = at_temperature(probabilities, 1 / temperature)
    found = fit_temperature(targets, distorted, np.ones(len(targets)))

    assert found == pytest.approx(temperature, rel=0.08)
    corrected = at_temperature(distorted, found)
    assert expected_calibration_error(targets, corrected) < 0.03


def test_weights_decide_whom_it_is_for(honest):
    targets, probabilities = honest
    half = np.arange(len(targets)) < len(targets) // 2
    overconfident = np.where(half[:, None], at_temperature(probabilities, 0.5), probabilities)

    assert fit_temperature(targets, overconfident, half.astype(float)) == pytest.approx(2, rel=0.1)
    assert fit_temperature(targets, overconfident, 1.0 - half) == pytest.approx(1, rel=0.1)


def test_certain_and_wrong_answers_have_a_finite_temperature():
    targets, probabilities = np.array([0, 1, 2]), np.eye(3)[[1, 2, 0]]
    assert fit_temperature(targets, probabilities, np.ones(3)) == pytest.approx(5, rel=0.01)


def test_a_temperature_keeps_order_and_sum(honest):
    _, probabilities = honest
    softened = at_temperature(probabilities, 3)

    np.testing.assert_allclose(softened.sum(axis=1), 1)
    np.testing.assert_array_equal(softened.argmax(axis=1), probabilities.argmax(axis=1))
    assert (softened.max(axis=1) <= probabilities.max(axis=1)).all()


def test_folded_into_a_network_it_is_the_same():
    keras = pytest.importorskip("keras")
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(3, activation="softmax", name="probabilities")(inputs)
    network = keras.Model(inputs, outputs)
    images = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    before = network.predict_on_batch(images)
    fold_in(network, 2.0)

    after = network.predict_on_batch(images)
    np.testing.assert_allclose(after, at_temperature(before, 2.0), atol=1e-4)


def test_the_threshold_leaves_the_share_that_was_asked_for(honest):
    _, probabilities = honest
    threshold = uncertain_below(probabilities, coverage=0.9)
    assert (probabilities.max(axis=1) >= threshold).mean() == pytest.approx(0.9, abs=0.001)


def test_an_operating_point_finds_its_share_of_the_ill():
    random = np.random.default_rng(0)
    ill = random.random(4000) < 0.3
    score = random.normal(size=4000) + 2 * ill

    point = operating_point(ill, score, 0.95)

    assert 0.95 <= point["sensitivity"] < 0.96
    assert point["specificity"] == pytest.approx((score[~ill] < point["threshold"]).mean())
    assert 0.5 < point["specificity"] < 0.75
