"""Attention that keeps to the lungs, taught with the few X-rays whose lungs people have drawn.

A network that may look anywhere also looks at shoulders, tubes and what lies under the diaphragm,
which tell the ward and the machine. A few dozen masks cannot keep it from that, but they can teach
another network like it to find lungs, and that one draws them on every X-ray.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from model.networks import network_named, tail
from training.data.augment import move
from training.data.samples import Sample
from training.errors import TrainingError
from training.fitting.features import Features
from training.fitting.images import random_of
from training.fitting.recipe import Recipe
from training.measure.maps.attention import lung_mask, lung_shares, mask_fits

# After eight epochs the maps of the split `val` no longer came nearer to the masks.
EPOCHS = 12
BATCH = 32
# A cell of the map of which this share is lung is not outside: pleura and bases lie at the edge,
# and without such a margin the attention shrinks to the middle of the lungs.
TOUCHES = 0.25


@dataclass(frozen=True)
class Copy:
    """One copy of every training image. number: of the augmented copy; None for the plain one."""

    features: Features
    number: int | None


class OutsideTheLungs(keras.layers.Layer):
    """Adds to the loss the share of the attention that lies clearly outside the lungs.

    Inputs: probabilities (N, K), attention (N, h, w) 0..1, lungs (N, h, w) 0..1.
    Output: the probabilities.
    """

    def __init__(self, weight: float, **options) -> None:
        super().__init__(**options)
        self.weight = weight

    def call(self, inputs):
        probabilities, attention, lungs = inputs
        clearly = ops.relu(1 - ops.cast(lungs, attention.dtype) / TOUCHES)
        outside = ops.sum(attention * clearly, axis=(1, 2))
        share = outside / ops.maximum(ops.sum(attention, axis=(1, 2)), keras.config.epsilon())
        self.add_loss(self.weight * ops.mean(share))
        return probabilities

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return super().get_config() | {"weight": self.weight}


def lung_maps(
    network: keras.Model, copies: Sequence[Copy], samples: Sequence[Sample], recipe: Recipe
) -> np.ndarray:
    """Where the lungs are in every copy of every training image, as a network draws them.

    network: the recipe's, with ImageNet's weights; it learns to draw lungs as its attention, so
    hand over one that is not needed for anything else. samples: of the split `train`.
    Returns: (copies, N, h, w) float16, 0..1; ones when no sample has a mask that fits, because then
    nothing is known to lie outside.
    Raises TrainingError when the network has no attention map that could learn it, or a mask
    cannot be read.
    """
    lung_map = network_named(network.name).lung_map
    if lung_map is None:
        raise TrainingError(f"The attention of {network.name} cannot be taught where lungs are.")
    masked = [n for n, sample in enumerate(samples) if sample.lung_mask and mask_fits(sample)]
    behind = tail(network, recipe.fine_tune)
    finder = keras.Model(behind.inputs, behind.outputs[network.output_names.index(lung_map)])
    shape = finder.output_shape[1:]
    if not masked:
        tqdm.write("No lung masks: the attention is free to look anywhere.", file=sys.stderr)
        return np.ones((len(copies), len(samples), *shape), np.float16)
    parts = [[part[masked] for part in copy.features] for copy in copies]
    inputs = [np.concatenate(part) for part in zip(*parts, strict=True)]
    lungs = [
        _drawn_by_hand(samples[n], n, copy.number, shape, recipe) for copy in copies for n in masked
    ]
    _teach(finder, inputs, np.stack(lungs), recipe)
    return np.stack([_draw(finder, copy.features) for copy in copies])


def _drawn_by_hand(
    sample: Sample, number: int, copy: int | None, shape: tuple[int, int], recipe: Recipe
) -> np.ndarray:
    """(h, w) float32: the mask of a person, moved as this copy of its X-ray was."""
    mask, box = lung_mask(sample), recipe.preprocessing.box
    if copy is not None:
        mask, box = move(mask, recipe.augmentation, random_of(copy, number), fill=0)
    return lung_shares(mask, shape, box)


def _teach(finder, inputs: list[np.ndarray], lungs: np.ndarray, recipe: Recipe) -> None:
    steps = EPOCHS * -(-len(lungs) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=recipe.learning_rate, warmup_steps=steps // 10
    )
    finder.compile(
        keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, global_clipnorm=5.0),
        # Each cell is asked how much of it is lung.
        lambda true, drawn: keras.losses.binary_crossentropy(true[..., None], drawn[..., None]),
    )
    for _ in tqdm(range(EPOCHS), "learning lungs"):
        finder.fit(inputs, lungs, BATCH, verbose=0)


def _draw(finder, features: Features) -> np.ndarray:
    count = len(features[0])
    found = np.empty((count, *finder.output_shape[1:]), np.float16)
    for start in tqdm(range(0, count, BATCH), "lungs"):
        batch = [part[start : start + BATCH] for part in features]
        found[start : start + BATCH] = finder.predict_on_batch(batch)
    return found
