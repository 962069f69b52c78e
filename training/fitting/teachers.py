"""Films taught as other networks see them, beside their labels: distillation (Hinton et al. 2015,
arXiv 1503.02531).

The mean of several networks is better than each of them, and too dear to serve. One network can
learn that mean. Of a film it learns one answer, the mean over all of its copies: what changes a
picture and not the patient shall not change the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from training.errors import TrainingError


@dataclass(frozen=True)
class Teachers:
    """recipes: names of those whose networks teach. They need the labels, the data and the
    preprocessing of the recipe that learns from them. share: of the truth that is theirs, 0..1; the
    labels have the rest. temperature: what the logits of their mean are divided by. Networks that
    differ are less sure together than each of them; below 1 makes up for that.
    """

    recipes: tuple[str, ...] = ()
    share: float = 0.8
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise TrainingError(f"share in [teachers] must be 0 to 1. Received: {self.share:g}")
        if self.temperature <= 0:
            raise TrainingError(
                f"temperature in [teachers] must be over 0. Received: {self.temperature:g}"
            )


def together(networks: Sequence[keras.Model]) -> keras.Model:
    """One network, from images to the mean of the probabilities of all."""
    images = keras.Input(networks[0].input_shape[1:])
    answers = [
        # Networks of one architecture have one name, which a network can hold once.
        keras.Model(network.inputs, network.outputs[0], name=f"teacher_{number}")(images)
        for number, network in enumerate(networks)
    ]
    return keras.Model(images, [keras.layers.Average()(answers) if answers[1:] else answers[0]])


def lessons(truth: np.ndarray, answers: Sequence[np.ndarray], teachers: Teachers) -> np.ndarray:
    """(N, K) float32, rows sum to 1: what each film is taught as.

    truth: (N, K) shares of labels. answers: (N, K) probabilities for each copy of the films.
    """
    mean = np.mean([np.asarray(answer, np.float32) for answer in answers], axis=0)
    surer = np.maximum(mean, keras.config.epsilon()) ** (1 / teachers.temperature)
    surer /= surer.sum(axis=1, keepdims=True)
    return (teachers.share * surer + (1 - teachers.share) * truth).astype(np.float32)
