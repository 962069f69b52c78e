"""The article's comparison: the same network without attention."""

from collections.abc import Sequence

import keras
from keras import layers

from model.input.preprocess import Preprocessing
from model.networks.network import Network
from model.networks.vgg import classify, load_imagenet, vgg_features


def vgg_baseline(
    size: int = 150,
    classes: int = 3,
    final_pool: bool = False,
    flatten: bool = False,
    dense: int = 128,
    activation: str = "elu",
    dropout: Sequence[float] = (0.5, 0.25),
) -> keras.Model:
    """VGG16, batch normalisation, global average pooling, dense; parameters as `vgg_attention`.

    flatten: all features side by side to the dense layer, without normalisation and average, as in
        the article's own network without attention.
    activation: of the dense layer.
    Output: probabilities (N, classes) float32; no map.
    """
    # === Layers ===
    inputs = keras.Input((size, size, 3), name="image")
    features = vgg_features(inputs, final_pool)

    # === Functional model ===
    if flatten:
        pooled = layers.Flatten(name="flat")(features)
    else:
        features = layers.BatchNormalization(name="features")(features)
        pooled = layers.GlobalAveragePooling2D(dtype="float32", name="average")(features)
    probabilities = classify(pooled, classes, dense, dropout, activation)
    return keras.Model(inputs, [probabilities], name="vgg_baseline")


NETWORK = Network(
    build=vgg_baseline,
    preprocessing=Preprocessing(size=150),
    load_imagenet=load_imagenet,
    imagenet_layers="block",
    frozen_until=("block4_pool",),
)
