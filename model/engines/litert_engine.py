"""The CPU engine: the int8 network in LiteRT (formerly TensorFlow Lite), without TensorFlow."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from model.artifact import Artifact


class LiteRTEngine:
    """One interpreter; not safe to share between threads.

    One thread and one image at a time: with one process a core this classifies more images a second
    than two threads in one process do, and a batch gains an int8 network on a CPU nothing.
    """

    # With 8, an urgent image beside a bulk job waits a third of a second longer, and the gain in
    # images a second is lost in the noise of the measurement (docs/performance.md).
    batch_size = 4

    def __init__(self, artifact: Artifact, threads: int = 1) -> None:
        self._interpreter = Interpreter(str(artifact.int8_file), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        # The converter orders outputs as it likes: the probabilities are the one with fewer axes.
        outputs = sorted(self._interpreter.get_output_details(), key=lambda o: len(o["shape"]))
        self._probabilities, self._attention = (output["index"] for output in outputs)

    def predict(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.predict`."""
        answers = [self._predict_one(image) for image in images]
        probabilities, attention = zip(*answers, strict=True)
        return np.stack(probabilities), np.stack(attention)

    def _predict_one(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._interpreter.set_tensor(self._input, image[None])
        self._interpreter.invoke()
        probabilities = self._interpreter.get_tensor(self._probabilities)[0]
        attention = self._interpreter.get_tensor(self._attention)[0]
        # Rounding to int8 leaves a sum that is off by up to a hundredth.
        return probabilities / probabilities.sum(), attention
