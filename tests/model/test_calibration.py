"""A calibration for one hospital: what it does to probabilities and to an engine."""

import numpy as np
import pytest

from model.calibration import Calibration
from model.engines.calibrated import CalibratedEngine
from model.engines.output import Output

LABELS = ("COVID19", "NORMAL", "PNEUMONIA")


class _Fixed:
    """An engine that gives out the same each time."""

    batch_size = 8
    computes_elsewhere = True

    def __init__(self, output: Output) -> None:
        self.output = output

    def predict(self, images: np.ndarray) -> Output:
        return self.output


def test_none_at_all_changes_nothing():
    rows = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]], np.float32)
    np.testing.assert_allclose(Calibration(1.0, (0.0, 0.0, 0.0)).of(rows), rows, atol=1e-6)


def test_a_shift_multiplies_odds_and_a_temperature_takes_their_root():
    rows = np.array([[0.8, 0.2]], np.float32)
    shifted = Calibration(1.0, (0.0, float(np.log(4)))).of(rows)
    softened = Calibration(2.0, (0.0, 0.0)).of(rows)

    np.testing.assert_allclose(shifted, [[0.5, 0.5]], rtol=1e-5)
    np.testing.assert_allclose(softened[0, 0] / softened[0, 1], 2.0, rtol=1e-5)
    assert shifted.dtype == np.float32


def test_it_is_kept_by_label():
    calibration = Calibration(1.5, (0.1, -0.2, 0.0))
    kept = calibration.as_json(LABELS)

    assert Calibration.from_json(kept, LABELS) == calibration
    assert Calibration.from_json(kept, LABELS[::-1]).shifts == (0.0, -0.2, 0.1)
    with pytest.raises(KeyError):
        Calibration.from_json(kept, ("COVID19", "OTHER"))


def test_the_evidence_goes_on_adding_up_to_the_probabilities():
    """log p of a label against the mean of all is the sum of its map and a constant."""
    random = np.random.default_rng(0)
    grids = 0.2 * random.normal(size=(3, 5, 4, 4))
    logits = grids.sum(axis=(2, 3)).T
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    maps = {"attention": np.ones((5, 4, 4), np.float32)}
    maps |= {f"evidence_{label}": grids[k].astype(np.float32) for k, label in enumerate(LABELS)}
    features = np.zeros((5, 7), np.float32)
    engine = _Fixed(Output(probabilities.astype(np.float32), maps, features))
    calibration = Calibration(2.0, (0.5, -0.5, 0.25))

    found = CalibratedEngine(engine, calibration).predict(np.zeros((5, 8, 8, 3), np.float32))

    logs = np.log(found.probabilities)
    sums = np.stack([found.maps[f"evidence_{label}"].sum(axis=(1, 2)) for label in LABELS], axis=1)
    constants = logs - logs.mean(axis=1, keepdims=True) - (sums - sums.mean(axis=1, keepdims=True))
    shifts = np.array(calibration.shifts)
    np.testing.assert_allclose(constants, np.tile(shifts - shifts.mean(), (5, 1)), atol=1e-4)
    np.testing.assert_array_equal(found.maps["attention"], maps["attention"])
    assert found.features is features


def test_the_engine_inside_says_how_it_likes_to_work():
    inside = _Fixed(Output(np.ones((1, 1), np.float32), {}))
    engine = CalibratedEngine(inside, Calibration(1.0, (0.0,)))
    assert (engine.batch_size, engine.computes_elsewhere) == (8, True)
    inside.batch_size = 4  # as when a device's memory does not hold the batch
    assert engine.batch_size == 4
