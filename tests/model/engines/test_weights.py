"""Weights: what comes back, and what is refused."""

import numpy as np
import pytest

from model.engines.weights import load_weights, save_weights
from model.errors import ArtifactMismatch


def test_save_and_load(tmp_path):
    keras = pytest.importorskip("keras")

    def network(width: int):
        layers = [keras.layers.Dense(width, name="large"), keras.layers.Dense(3, name="small")]
        return keras.Sequential([keras.Input((200,)), *layers])

    saved, loaded = network(128), network(128)
    save_weights(saved, tmp_path / "weights.npz")
    load_weights(loaded, tmp_path / "weights.npz")
    for name, close in (("large", 1e-3), ("small", 0)):
        for one, other in zip(
            saved.get_layer(name).get_weights(), loaded.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_allclose(other, one, atol=close)
    with pytest.raises(ArtifactMismatch, match="'large'"):
        load_weights(network(64), tmp_path / "weights.npz")


def test_kernels_in_int8_have_a_scale_per_channel(tmp_path):
    keras = pytest.importorskip("keras")
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="dense")])
    scale = np.array([0.5, 0.25], np.float32)
    np.savez(
        tmp_path / "weights.npz",
        **{
            "dense/0": np.array([[1, 2], [3, -4]], np.int8),
            "dense/0/scale": scale,
            "dense/1": np.zeros(2, np.float32),
        },
    )
    load_weights(network, tmp_path / "weights.npz")
    np.testing.assert_array_equal(
        network.get_layer("dense").get_weights()[0], [[0.5, 0.5], [1.5, -1]]
    )
