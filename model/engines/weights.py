"""Weights in a file: kernels in float16, what is small in float32.

Read are also kernels in int8 with a scale per output channel (Jacob et al. 2018, arXiv 1712.05877),
as the reference model has them: VGG16's 15 million weights fill 12 MB so.
"""

from pathlib import Path
from typing import Any

import numpy as np

from model.errors import ArtifactMismatch

# Smaller arrays (biases, normalisation, the last layers) stay float32: they cost nothing.
MIN_HALVED = 20_000


def save_weights(network: Any, file: Path) -> None:
    """Write the weights of a `keras.Model`, named by layer."""
    arrays = {}
    for layer in network.layers:
        for number, values in enumerate(layer.get_weights()):
            dtype = np.float16 if values.size >= MIN_HALVED else np.float32
            arrays[f"{layer.name}/{number}"] = values.astype(dtype)
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


def _values(arrays: Any, name: str) -> np.ndarray | None:
    if name not in arrays:
        return None
    values = arrays[name]
    return values * arrays[f"{name}/scale"] if values.dtype == np.int8 else values
