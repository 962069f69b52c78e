"""What the networks share: VGG16's convolutions in front, the dense classifier at the end."""

import os
from collections.abc import Sequence

import keras
from keras import layers

from model.errors import ModelError

# VGG16: filters and number of 3x3 convolutions of each block (arXiv 1409.1556, table 1, column D).
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
MIN_SIZE = 32


def vgg_layers(final_pool: bool) -> list[layers.Layer]:
    """VGG16's convolutions, with the layer names of `keras.applications`, in their order."""
    found = []
    for block, (filters, convolutions) in enumerate(BLOCKS, start=1):
        found += [
            layers.Conv2D(
                filters, 3, padding="same", activation="relu", name=f"block{block}_conv{number}"
            )
            for number in range(1, convolutions + 1)
        ]
        if block < len(BLOCKS) or final_pool:
            found.append(layers.MaxPooling2D(2, name=f"block{block}_pool"))
    return found


def apply(convolutions: Sequence[layers.Layer], inputs):
    """inputs: (N, S, S, 3). Returns: (N, S/32, S/32, 512), or S/16 without the last pooling.

    Raises ValueError when S is below 32.
    """
    if inputs.shape[1] < MIN_SIZE:
        raise ValueError(
            f"The input must have {MIN_SIZE} pixels a side or more. Received: {inputs.shape[1]}"
        )
    x = inputs
    for layer in convolutions:
        x = layer(x)
    return x


def vgg_features(inputs, final_pool: bool):
    """VGG16's features of images; see `apply`."""
    return apply(vgg_layers(final_pool), inputs)


def classify(pooled, classes: int, dense: int, dropout: Sequence[float], activation: str = "elu"):
    """(N, C) features to (N, classes) probabilities, through one dense layer."""
    before, after = dropout
    x = layers.Dropout(before)(pooled)
    x = layers.Dense(dense, activation=activation, name="dense")(x)
    x = layers.Dropout(after)(x)
    return layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)


def load_imagenet(network: keras.Model) -> None:
    """Give the convolutions ImageNet's weights, of `keras.applications.VGG16(include_top=False)`.

    They come from the file in CXR_VGG16_WEIGHTS; without it, Keras downloads them.
    Raises ModelError when the file cannot be read or the download fails.
    """
    weights = os.environ.get("CXR_VGG16_WEIGHTS")
    try:
        source = keras.applications.VGG16(include_top=False, weights=weights or "imagenet")
    except Exception as error:
        raise ModelError(
            "VGG16's ImageNet weights could not be loaded "
            f"({weights or 'download'}: {type(error).__name__}). "
            "Set CXR_VGG16_WEIGHTS to the file vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5."
        ) from error
    for layer in source.layers:
        if layer.weights:
            network.get_layer(layer.name).set_weights(layer.get_weights())
