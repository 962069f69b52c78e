"""Weights in int8: what comes back, and what is refused."""

import numpy as np
import pytest

from model.errors import ArtifactMismatch
from model.weights import load_weights, save_weights, to_int8


def test_rounding_errs_by_half_a_step_of_each_channel():
    values = np.random.default_rng(0).normal(0, (0.001, 1, 50), (3, 3, 40, 3)).astype(np.float32)
    rounded, scale = to_int8(values)
    assert (rounded.dtype, scale.shape) == (np.int8, (3,))
    assert (np.abs(rounded * scale - values) <= scale / 2 + 1e-6).all()


def test_a_channel_of_zeros_stays_zero():
    rounded, scale = to_int8(np.zeros((2, 2), np.float32))
    assert np.isfinite(scale).all()
    assert not (rounded * scale).any()


def test_save_and_load(tmp_path):
    keras = pytest.importorskip("keras")

    def network(width: int):
        layers = [keras.layers.Dense(width, name="large"), keras.layers.Dense(3, name="small")]
        return keras.Sequential([keras.Input((200,)), *layers])

    saved, loaded = network(128), network(128)
    save_weights(saved, tmp_path / "weights.npz")
    load_weights(loaded, tmp_path / "weights.npz")
    for name, close in (("large", 0.01), ("small", 0)):
        for one, other in zip(
            saved.get_layer(name).get_weights(), loaded.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_allclose(other, one, atol=close)
    with pytest.raises(ArtifactMismatch, match="'large'"):
        load_weights(network(64), tmp_path / "weights.npz")
