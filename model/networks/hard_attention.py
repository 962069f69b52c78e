"""Hard attention: the network glances at the whole X-ray, chooses one part, and reads only that.

As in Mnih et al. 2014 (Recurrent models of visual attention, arXiv 1406.6247) a policy chooses
where to look, and what is not looked at has no part in the answer; of their glimpses one is taken.
As in Guan et al. 2018 (Diagnose like a radiologist, arXiv 1801.09927) the choice is made from a
network's features of the whole film, and the part is cut from the film itself, so that it is read
at a higher resolution. The map is 1 where the network has read, else 0.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

from model.input.preprocess import Preprocessing
from model.networks.network import Network, Policy
from model.networks.vgg import apply, classify, load_imagenet, vgg_layers

# VGG16 without its last pooling makes a cell of so many pixels.
CELL = 16
# The glance shows the film at this share of its size, and so large is the part that is read.
SHARE = 2


@keras.saving.register_keras_serializable("cxr")
class Position(layers.Layer):
    """Logits (N, P) to one position, (N, P) one-hot: in training drawn by chance, else the best."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, logits, training=False):
        if training:
            chosen = keras.random.categorical(logits, 1, seed=self.seed_generator)
        else:
            # Keras' argmax has bit operations that LiteRT lacks.
            _, chosen = ops.top_k(logits, 1)
        return ops.one_hot(ops.squeeze(chosen, axis=-1), logits.shape[-1], dtype="float32")

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("cxr")
class Crop(layers.Layer):
    """The part of an image at the chosen position.

    Every part is cut and all but one are multiplied by 0: so it needs no indices that differ by
    image, which neither a batch nor LiteRT has.
    side: of the part, in pixels. step: pixels from one position to the next; positions go by rows.
    Inputs: images (N, S, S, C) and position (N, P) one-hot. Output: (N, side, side, C).
    """

    def __init__(self, side: int, step: int, **options) -> None:
        super().__init__(**options)
        self.side, self.step = side, step

    def call(self, inputs):
        images, chosen = inputs
        tops = range(0, images.shape[1] - self.side + 1, self.step)
        places = [(top, left) for top in tops for left in tops]
        part = 0
        for number, (top, left) in enumerate(places):
            cut = images[:, top : top + self.side, left : left + self.side]
            share = ops.reshape(chosen[:, number : number + 1], (-1, 1, 1, 1))
            part = part + cut * ops.cast(share, images.dtype)
        return part

    def compute_output_shape(self, input_shape):
        images, _ = input_shape
        return (images[0], self.side, self.side, images[-1])

    def get_config(self):
        return {**super().get_config(), "side": self.side, "step": self.step}


@keras.saving.register_keras_serializable("cxr")
class CellsRead(layers.Layer):
    """Position (N, P) one-hot to a map (N, h, h), 1 in the cells of that part, else 0.

    cells: h. width: of a part, in cells; positions are a cell apart and go by rows.
    """

    def __init__(self, cells: int, width: int, **options) -> None:
        super().__init__(**options)
        self.cells, self.width = cells, width

    def call(self, chosen):
        places = self.cells - self.width + 1
        tops = ops.arange(places)[:, None]
        cell = ops.arange(self.cells)[None]
        along = ops.cast((cell >= tops) & (cell < tops + self.width), chosen.dtype)  # (p, h)
        # One part is the product of its rows and its columns.
        masks = along[:, None, :, None] * along[None, :, None, :]
        masks = ops.reshape(masks, (places**2, self.cells**2))
        return ops.reshape(ops.matmul(chosen, masks), (-1, self.cells, self.cells))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.cells, self.cells)

    def get_config(self):
        return {**super().get_config(), "cells": self.cells, "width": self.width}


def hard_attention(
    size: int = 192,
    classes: int = 3,
    policy_filters: Sequence[int] = (128, 32),
    dense: int = 128,
    dropout: Sequence[float] = (0.5, 0.5),
) -> keras.Model:
    """The network, untrained.

    size: S, input width and height in pixels, a multiple of 64. Glance and part have S/2 pixels a
        side; parts lie 32 pixels apart, so there are (S/64 + 1)^2 of them: 16 at 192 pixels.
    policy_filters: of the 1x1 convolutions that score the cells of the glance.
    dense, dropout: as `vgg_attention`.
    Input: (N, S, S, 3) float32, BGR, mean-centred.
    Outputs: probabilities (N, classes) float32; attention map (N, S/32, S/32) float32, 0 or 1.
    Raises ValueError for another size.
    """
    if size % (2 * SHARE * CELL) or size < 2 * SHARE * CELL:
        raise ValueError(f"The size must be a multiple of 64 pixels. Received: {size}")
    side, cells = size // SHARE, size // SHARE // CELL
    width = cells // SHARE

    # === Layers ===
    inputs = keras.Input((size, size, 3), name="image")
    convolutions = vgg_layers(final_pool=False)

    # === Functional model ===
    glance = layers.AveragePooling2D(SHARE, dtype="float32", name="glance")(inputs)
    seen = layers.BatchNormalization(name="seen")(apply(convolutions, glance))
    scores = seen
    for number, filters in enumerate(policy_filters, start=1):
        scores = layers.Conv2D(filters, 1, activation="elu", name=f"policy_{number}")(scores)
    scores = layers.Conv2D(1, 1, dtype="float32", name="cell_scores")(scores)
    # A part is as good as its cells are on average.
    scores = layers.AveragePooling2D(width, strides=1, dtype="float32", name="part_scores")(scores)
    logits = layers.Flatten(dtype="float32", name="position_scores")(scores)
    chosen = Position(dtype="float32", name="position")(logits)
    part = Crop(side, SHARE * CELL, dtype="float32", name="part")([inputs, chosen])
    read = layers.BatchNormalization(name="read")(apply(convolutions, part))
    pooled = layers.GlobalAveragePooling2D(dtype="float32", name="average")(read)
    probabilities = classify(pooled, classes, dense, dropout)
    grid = CellsRead(cells, width, dtype="float32", name="attention")(chosen)
    return keras.Model(inputs, [probabilities, grid], name="hard_attention")


NETWORK = Network(
    build=hard_attention,
    preprocessing=Preprocessing(size=192),
    load_imagenet=load_imagenet,
    imagenet_layers="block",
    frozen_until=(),
    policy=Policy(scores="position_scores", position="position", cells="seen"),
)
