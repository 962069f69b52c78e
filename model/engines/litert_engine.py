"""The CPU engine: the int8 network in LiteRT (formerly TensorFlow Lite), without TensorFlow."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from model.artifact import Artifact
from model.engines.output import Output, count_maps, output_of
from model.errors import ArtifactMismatch


class LiteRTEngine:
    """One interpreter; not safe to share between threads.

    One thread and one image at a time: with one process a core this classifies more images a second
    than two threads in one process do, and a batch gains an int8 network on a CPU nothing.
    """

    # An urgent image beside a bulk job waits for one batch; a claim and a transaction are shared by
    # its images (docs/performance.md).
    batch_size = 8
    computes_elsewhere = False

    def __init__(self, artifact: Artifact, threads: int = 1) -> None:
        """Raises ArtifactMismatch when the file has other outputs than the metadata names."""
        self._interpreter = Interpreter(str(artifact.int8_file), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = _outputs(self._interpreter)
        self._maps = artifact.maps
        shapes = {one["index"]: one["shape"] for one in self._interpreter.get_output_details()}
        found = count_maps(shapes[index] for index in self._outputs[1:])
        if found != len(self._maps):
            raise ArtifactMismatch(
                f"{artifact.int8_file} has {found} maps; the metadata names {len(self._maps)}. "
                "Copy the whole folder again."
            )

    def predict(self, images: np.ndarray) -> Output:
        """See `Engine.predict`."""
        answers = [self._predict_one(image) for image in images]
        probabilities, *others = (np.stack(part) for part in zip(*answers, strict=True))
        # Rounding to int8 leaves a sum that is off by up to a hundredth.
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return output_of([probabilities, *others], self._maps)

    def _predict_one(self, image: np.ndarray) -> list[np.ndarray]:
        self._interpreter.set_tensor(self._input, image[None])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(output)[0] for output in self._outputs]


def _outputs(interpreter: Interpreter) -> list[int]:
    """Tensors of `output_0`, `output_1`, ...: the network's outputs in its own order, which the
    converter keeps in the signature only."""
    details = interpreter.get_signature_runner().get_output_details()
    return [details[f"output_{number}"]["index"] for number in range(len(details))]
