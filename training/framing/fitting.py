"""Fits the network that finds lungs: eight numbers for a thumbnail of 64 x 64 pixels."""

import tempfile
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from model.framing.lungs import SIDE
from training.framing.views import Film, Views, view

EPOCHS = 14
BATCH = 64
LEARNING_RATE = 1.5e-3
# Filters, kernel, stride. Depthwise ones took half as long again to teach.
CONVOLUTIONS = ((12, 5, 4), (32, 3, 1), (48, 3, 2), (64, 3, 1), (64, 3, 1), (16, 1, 1))
MIN_LOG_SPREAD, MAX_LOG_SPREAD = -5.0, 0.0


def network() -> keras.Model:
    """(N, SIDE, SIDE, 1) float32 0..1 to (N, 8): four edges, the logarithms of their spreads."""
    inputs = keras.Input((SIDE, SIDE, 1))
    x = inputs
    for filters, kernel, stride in CONVOLUTIONS:
        x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.97)(x))
    x = layers.Dropout(0.1)(layers.Flatten()(x))
    # A plain dense layer here died in one of two runs, and the network answered one box for all.
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.97)(layers.Dense(96)(x)))
    # Edges start at a typical box: a quarter from each side.
    start = keras.initializers.Constant([0.15, 0.1, 0.85, 0.8, -2, -2, -2, -2])
    return keras.Model(inputs, layers.Dense(8, bias_initializer=start)(x))


def laplace(true, said):
    """Negative log likelihood of the edges under Laplace distributions of the said spreads."""
    spread = ops.clip(said[:, 4:], MIN_LOG_SPREAD, MAX_LOG_SPREAD)
    return ops.mean(ops.abs(true - said[:, :4]) * ops.exp(-spread) + spread, axis=1)


def fit(taught: Sequence[Film], judged: Sequence[Film]) -> bytes:
    """The LiteRT file (float32) after the last epoch; prints the loss on views of `judged`."""
    keras.utils.set_random_seed(0)
    batches = Views(taught, BATCH, seed=0)
    random = np.random.default_rng(1)
    views = [view(film, random) for film in judged for _ in range(2)]
    judged_views = (
        np.stack([grey for grey, _ in views])[..., None],
        np.array([box for _, box in views], np.float32),
    )
    finder = network()
    steps = EPOCHS * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=LEARNING_RATE, warmup_steps=steps // 10
    )
    finder.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3, global_clipnorm=5.0), laplace)
    finder.fit(batches, validation_data=judged_views, epochs=EPOCHS, verbose=2)
    return _litert(finder)


def _litert(finder: keras.Model) -> bytes:
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        finder.export(folder, verbose=False)
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()
