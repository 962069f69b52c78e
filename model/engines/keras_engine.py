"""The Keras engine, for GPUs: large batches in half precision."""

import numpy as np

from model.artifact import Artifact
from model.errors import ModelError
from model.weights import load_weights

LARGEST_BATCH = 64


def load_network(artifact: Artifact, precision: str = "float32"):
    """The artifact's network as a `keras.Model` with its weights.

    precision: a Keras dtype policy, such as `mixed_bfloat16`.
    Raises ModelError when Keras and TensorFlow are not installed.
    """
    try:
        import keras

        from model.networks import build
    except ImportError as error:
        raise ModelError(
            "This needs TensorFlow, which is not installed. "
            "Run: pip install 'cxr-batch[tensorflow]', or 'cxr-batch[gpu]' for an NVIDIA GPU."
        ) from error
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        network = build(artifact.architecture, dict(artifact.config))
    finally:
        keras.config.set_dtype_policy(before)
    load_weights(network, artifact.weights_file)
    return network


class KerasEngine:
    """The network under a mixed-precision policy; batches are padded to one size, compiled once."""

    def __init__(self, artifact: Artifact, precision: str = "mixed_bfloat16") -> None:
        self._network = load_network(artifact, precision)
        self.batch_size = LARGEST_BATCH

    def predict(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.predict`. Halves the batch when the device's memory does not hold it."""
        while True:
            try:
                return self._predict_in_batches(images)
            except Exception as error:
                if not _is_out_of_memory(error) or self.batch_size == 1:
                    raise
                self.batch_size //= 2

    def _predict_in_batches(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answers = []
        for start in range(0, len(images), self.batch_size):
            batch = images[start : start + self.batch_size]
            padding = self.batch_size - len(batch)
            padded = np.pad(batch, ((0, padding), (0, 0), (0, 0), (0, 0)))
            probabilities, attention = self._network.predict_on_batch(padded)
            answers.append((probabilities[: len(batch)], attention[: len(batch)]))
        probabilities, attention = zip(*answers, strict=True)
        return (
            np.concatenate(probabilities).astype(np.float32),
            np.concatenate(attention).astype(np.float32),
        )


def _is_out_of_memory(error: Exception) -> bool:
    # TensorFlow's ResourceExhaustedError and JAX's XlaRuntimeError have no common class.
    return "RESOURCE_EXHAUSTED" in str(error) or type(error).__name__ == "ResourceExhaustedError"
