"""VGG16 with soft attention over the global average pooling: the network of the article.

A small stack of 1x1 convolutions looks at VGG's features and draws a map, 0..1, of where the answer
is; the features are masked with it before they are averaged.
"""

from collections.abc import Sequence

import keras
from keras import layers

from model.input.preprocess import Preprocessing
from model.networks.layers import MaskedAveragePooling
from model.networks.network import Network
from model.networks.vgg import classify, load_imagenet, vgg_features


def vgg_attention(
    size: int = 150,
    classes: int = 3,
    final_pool: bool = False,
    attention_filters: Sequence[int] = (128, 32, 16),
    dense: int = 128,
    dropout: Sequence[float] = (0.5, 0.25),
) -> keras.Model:
    """The network, untrained.

    size: S, input width and height in pixels, 32 or more.
    final_pool: keep VGG's last pooling, as the article does: a map of 4x4 instead of 9x9 at 150
        pixels.
    dropout: shares dropped before and after the dense layer.
    Input: (N, S, S, 3) float32, BGR, mean-centred.
    Outputs: probabilities (N, classes) float32; attention map (N, h, w) float32, 0..1.
    """
    # === Layers ===
    inputs = keras.Input((size, size, 3), name="image")
    features = vgg_features(inputs, final_pool)

    # === Functional model ===
    features = layers.BatchNormalization(name="features")(features)
    attention = features
    for number, filters in enumerate(attention_filters, start=1):
        attention = layers.Conv2D(filters, 1, activation="elu", name=f"attention_{number}")(
            attention
        )
    attention = layers.AveragePooling2D(2, strides=1, padding="same", name="attention_smooth")(
        attention
    )
    attention = layers.Conv2D(1, 1, activation="sigmoid", dtype="float32", name="attention_map")(
        attention
    )
    pooled = MaskedAveragePooling(dtype="float32", name="masked_average")([features, attention])
    probabilities = classify(pooled, classes, dense, dropout)
    height, width = attention.shape[1:3]
    grid = layers.Reshape((height, width), dtype="float32", name="attention")(attention)
    return keras.Model(inputs, [probabilities, grid], name="vgg_attention")


NETWORK = Network(
    build=vgg_attention,
    preprocessing=Preprocessing(size=150),
    load_imagenet=load_imagenet,
    imagenet_layers="block",
    frozen_until=("block4_pool",),
    lung_map="attention",
)
