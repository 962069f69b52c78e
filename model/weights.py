"""Weights in a file half the size of float16: large kernels in int8, a scale per channel.

Rounding to int8 with one scale per output channel is what the int8 network does with its weights,
too (Jacob et al. 2018, arXiv 1712.05877), so both engines run the same numbers.
"""

from pathlib import Path
from typing import Any

import numpy as np

from model.errors import ArtifactMismatch

# Smaller arrays (biases, normalisation, the last layers) stay float32: they cost nothing.
SMALLEST_ROUNDED = 20_000


def save_weights(network: Any, file: Path) -> None:
    """Write the weights of a `keras.Model`, named by layer."""
    arrays = {}
    for layer in network.layers:
        for number, values in enumerate(layer.get_weights()):
            name = f"{layer.name}/{number}"
            if values.size >= SMALLEST_ROUNDED:
                arrays[name], arrays[f"{name}/scale"] = to_int8(values)
            else:
                arrays[name] = values.astype(np.float32)
    np.savez_compressed(file, **arrays)


def load_weights(network: Any, file: Path) -> None:
    """Give a `keras.Model` the weights of `save_weights`.

    Raises ArtifactMismatch when the file was saved from another network.
    """
    with np.load(file) as arrays:
        for layer in network.layers:
            expected = [tuple(weight.shape) for weight in layer.weights]
            values = [_values(arrays, f"{layer.name}/{n}") for n in range(len(expected))]
            found = [None if value is None else value.shape for value in values]
            if found != expected:
                raise ArtifactMismatch(
                    f"The weights in {file} do not fit layer {layer.name!r}: "
                    f"it needs {expected}. Received: {found}"
                )
            layer.set_weights(values)


def to_int8(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round symmetrically, one scale per index of the last axis.

    Returns: int8 array of the same shape, float32 scales (last axis,).
    """
    scale = np.abs(values).max(axis=tuple(range(values.ndim - 1))) / 127
    scale = np.maximum(scale, np.finfo(np.float32).tiny).astype(np.float32)
    return np.round(values / scale).astype(np.int8), scale


def _values(arrays: Any, name: str) -> np.ndarray | None:
    if name not in arrays:
        return None
    values = arrays[name]
    return values * arrays[f"{name}/scale"] if values.dtype == np.int8 else values
