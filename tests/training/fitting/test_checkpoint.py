"""Whole networks on the disk: the best so far stays, the last is written over."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training.fitting.checkpoint import BEST, LAST, KeepWhole  # noqa: E402


def network() -> keras.Model:
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False, name="only")(inputs))


def kept(file) -> float:
    return float(keras.saving.load_model(file).get_layer("only").get_weights()[0][0, 0])


def epoch(keep: KeepWhole, learning: keras.Model, number: int, weight: float, loss: float) -> None:
    learning.set_weights([np.full((2, 1), weight)])
    keep.on_epoch_end(number, {"val_loss": loss})


def test_the_best_stays_and_the_last_is_written_over(tmp_path):
    learning = network()
    keep = KeepWhole(learning, network(), tmp_path)
    found = []
    for number, loss in enumerate((0.9, 0.5, 0.7)):
        epoch(keep, learning, number, float(number), loss)
        found.append((kept(tmp_path / BEST), kept(tmp_path / LAST)))

    assert found == [(0, 0), (1, 1), (1, 2)]
    assert sorted(file.name for file in tmp_path.iterdir()) == [BEST, LAST]


def test_an_earlier_run_is_beaten_or_its_best_stays(tmp_path):
    learning = network()
    epoch(KeepWhole(learning, network(), tmp_path), learning, 0, 5.0, 0.4)
    resumed = KeepWhole(learning, network(), tmp_path, least=0.4)
    epoch(resumed, learning, 1, 6.0, 0.4)
    assert kept(tmp_path / BEST) == 5
    epoch(resumed, learning, 2, 7.0, 0.3)
    assert kept(tmp_path / BEST) == 7


def test_what_learns_in_half_precision_is_kept_in_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        learning = network()
    finally:
        keras.config.set_dtype_policy("float32")
    KeepWhole(learning, network(), tmp_path).on_epoch_end(0, {"val_loss": 1.0})
    assert keras.saving.load_model(tmp_path / BEST).get_layer("only").compute_dtype == "float32"
