"""The Keras engine, for GPUs: large batches in half precision."""

import time

import numpy as np

from model.artifact import Artifact
from model.engines.output import Output, joined, output_of
from model.engines.weights import load_weights
from model.errors import ModelError

BATCHES = (8, 16, 32, 64, 128)
# A batch twice as large must be at least this much faster per image: an urgent one waits for it.
WORTHWHILE = 1.1


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
        network = build(artifact.architecture, artifact.network_config)
    finally:
        keras.config.set_dtype_policy(before)
    load_weights(network, artifact.weights_file)
    return network


def outputs_of(network, images: np.ndarray) -> list:
    """What a network gives out for a batch; Keras hands a single output over without its list."""
    outputs = network.predict_on_batch(images)
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


class KerasEngine:
    """The network under a mixed-precision policy; batches are padded to one size, compiled once."""

    computes_elsewhere = True

    def __init__(self, artifact: Artifact, precision: str = "mixed_bfloat16") -> None:
        """Tries batches of growing size and keeps the last that was worth its size."""
        self._network = load_network(artifact, precision)
        self._maps = artifact.maps
        self._shape = tuple(self._network.input_shape[1:])
        self.batch_size = BATCHES[0]
        fastest = self._images_per_second(BATCHES[0])
        for size in BATCHES[1:]:
            try:
                speed = self._images_per_second(size)
            except Exception as error:
                if not _is_out_of_memory(error):
                    raise
                break
            if speed < WORTHWHILE * fastest:
                break
            self.batch_size, fastest = size, speed

    def predict(self, images: np.ndarray) -> Output:
        """See `Engine.predict`. Halves the batch when the device's memory does not hold it."""
        while True:
            try:
                return self._predict_in_batches(images)
            except Exception as error:
                if not _is_out_of_memory(error) or self.batch_size == 1:
                    raise
                self.batch_size //= 2

    def _images_per_second(self, size: int) -> float:
        images = np.zeros((size, *self._shape), np.float32)
        self._network.predict_on_batch(images)  # compiles it
        began = time.perf_counter()
        self._network.predict_on_batch(images)
        return size / (time.perf_counter() - began)

    def _predict_in_batches(self, images: np.ndarray) -> Output:
        return joined(
            [
                self._predict_batch(images[start : start + self.batch_size])
                for start in range(0, len(images), self.batch_size)
            ]
        )

    def _predict_batch(self, images: np.ndarray) -> Output:
        padding = self.batch_size - len(images)
        padded = np.pad(images, ((0, padding), (0, 0), (0, 0), (0, 0)))
        tensors = [
            np.asarray(output)[: len(images)].astype(np.float32)
            for output in outputs_of(self._network, padded)
        ]
        return output_of(tensors, self._maps)


def _is_out_of_memory(error: Exception) -> bool:
    # TensorFlow's ResourceExhaustedError and JAX's XlaRuntimeError have no common class.
    return "RESOURCE_EXHAUSTED" in str(error) or type(error).__name__ == "ResourceExhaustedError"
