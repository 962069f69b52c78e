"""The CPU engine: the int8 network in LiteRT (formerly TensorFlow Lite), without TensorFlow."""

import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from model.artifact import Artifact

# What a batch may take: an urgent image waits for the one at work (docs/performance.md).
BATCH_S = 0.17
SMALLEST_BATCH, LARGEST_BATCH = 4, 16


class LiteRTEngine:
    """One interpreter; not safe to share between threads.

    One thread and one image at a time: with one process a core this classifies more images a second
    than two threads in one process do, and a batch gains an int8 network on a CPU nothing. What it
    saves is transactions, so it grows with the network's speed.
    """

    def __init__(self, artifact: Artifact, threads: int = 1) -> None:
        self._interpreter = Interpreter(str(artifact.int8_file), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        # The converter orders outputs as it likes: the probabilities are the one with fewer axes.
        outputs = sorted(self._interpreter.get_output_details(), key=lambda o: len(o["shape"]))
        self._probabilities, self._attention = (output["index"] for output in outputs)

        shape = self._interpreter.get_input_details()[0]["shape"][1:]
        self.batch_size = self._measured_batch(np.zeros(shape, np.float32))

    def predict(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.predict`."""
        answers = [self._predict_one(image) for image in images]
        probabilities, attention = zip(*answers, strict=True)
        return np.stack(probabilities), np.stack(attention)

    def _measured_batch(self, image: np.ndarray) -> int:
        self._predict_one(image)  # the first one allocates
        began = time.perf_counter()
        self._predict_one(image)
        images = int(BATCH_S / (time.perf_counter() - began))
        return min(max(images, SMALLEST_BATCH), LARGEST_BATCH)

    def _predict_one(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._interpreter.set_tensor(self._input, image[None])
        self._interpreter.invoke()
        probabilities = self._interpreter.get_tensor(self._probabilities)[0]
        attention = self._interpreter.get_tensor(self._attention)[0]
        # Rounding to int8 leaves a sum that is off by up to a hundredth.
        return probabilities / probabilities.sum(), attention
