"""EfficientNet-Lite0 with soft attention: the article's idea on a network of a twentieth the cost.

The map is drawn at twice the resolution of the last features, from these and from the middle of the
network; both are averaged where it is bright.
"""

import keras
from keras import layers

from model.input.preprocess import Preprocessing
from model.networks.efficientnet_lite import lite_features
from model.networks.efficientnet_weights import load_imagenet
from model.networks.layers import ClassesWithEvidence, MaskedAveragePooling
from model.networks.network import Network


def efficientnet_attention(
    size: int = 224,
    classes: int = 3,
    attention_filters: int = 64,
    floor: float = 0.0,
    drop_path: float = 0.1,
    dropout: float = 0.3,
) -> keras.Model:
    """The network, untrained.

    size: S, input width and height in pixels, a multiple of 32.
    floor: of the map's mean, see MaskedAveragePooling.
    drop_path, dropout: shares of blocks, and of pooled features, that are skipped in training.
    Input: (N, S, S, 3) float32, BGR, mean-centred.
    Outputs: probabilities (N, classes) float32; attention map (N, S/16, S/16) float32, 0..1;
    evidence (N, classes, S/16, S/16) float32, see ClassesWithEvidence; pooled features (N, 1392)
    float32.
    """
    # === Layers ===
    inputs = keras.Input((size, size, 3), name="image")
    middle, last = lite_features(inputs, drop_path)

    # === Functional model ===
    coarse = layers.Conv2D(attention_filters, 1, name="attention_last")(last)
    fine = layers.Conv2D(attention_filters, 1, name="attention_middle")(middle)
    both = layers.Add(name="attention_sum")(
        [layers.UpSampling2D(2, name="attention_enlarged")(coarse), fine]
    )
    both = layers.ReLU(6.0, name="attention_relu")(both)
    attention = layers.Conv2D(1, 1, activation="sigmoid", dtype="float32", name="attention_map")(
        both
    )
    halved = layers.AveragePooling2D(2, dtype="float32", name="attention_halved")(attention)
    average_last = MaskedAveragePooling(floor, dtype="float32", name="last_average")
    average_middle = MaskedAveragePooling(floor, dtype="float32", name="middle_average")
    pooled = layers.Concatenate(dtype="float32", name="pooled")(
        [average_last([last, halved]), average_middle([middle, attention])]
    )
    probabilities, evidence = ClassesWithEvidence(
        classes, floor, activation="softmax", dtype="float32", name="probabilities"
    )([layers.Dropout(dropout, name="dropout")(pooled), last, halved, middle, attention])
    evidence = layers.Identity(dtype="float32", name="evidence")(evidence)
    height, width = attention.shape[1:3]
    grid = layers.Reshape((height, width), dtype="float32", name="attention")(attention)
    outputs = [probabilities, grid, evidence, pooled]
    return keras.Model(inputs, outputs, name="efficientnet_attention")


NETWORK = Network(
    build=efficientnet_attention,
    preprocessing=Preprocessing(size=224),
    load_imagenet=load_imagenet,
    imagenet_layers="block",
    frozen_until=("block4_sum",),
    head_reads=("block10_sum",),
    # The first convolutions are narrow: they hold a thirteenth of the weights, and make nine tenths
    # of what rounding costs. Recipe `released` on the 1,194 images of `val`, labels kept, mean
    # difference of probabilities, time on one core: all in int8 .948, .040, 5.8 ms (n 400); from
    # block5 on .991, .0071, 6.2 ms; from block9 on .996, .0036, 7.5 ms; all in float32 11 ms.
    float32_until="block8_project_norm",
    lung_map="attention",
)
