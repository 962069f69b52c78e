"""VGG16 that attends at three depths: Jetley et al. 2018, arXiv 1804.02391.

The network's summary of the whole image asks each local feature of three depths how well it fits;
the answers, a softmax over the positions, weigh the local features, and only these weighted sums
are classified. Each depth has a map of its own: 9x9, 18x18 and 37x37 at 150 pixels.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

from model.input.preprocess import Preprocessing
from model.networks.network import Network
from model.networks.vgg import classify, load_imagenet, vgg_features

COMPATIBILITIES = ("additive", "dot")
# Before the pooling that follows them, as in the paper (section 5.1, VGG-att3).
DEPTHS = ("block3_conv3", "block4_conv3", "block5_conv3")
# What users see as the names of their maps. The deepest comes first: it says the most about the
# class, the shallowest shows the finest detail.
MAPS = ("shallow", "middle", "deep")


@keras.saving.register_keras_serializable("cxr")
class AttendedFeatures(layers.Layer):
    """Local features summed by how well they fit a query (section 3 of the paper).

    compatibility: `dot`, local times query (equation 2), or `additive`, a learned u on local +
        query (equation 1). In the latter the query is the same everywhere and so falls out of the
        softmax: its map depends on the local features alone.
    Inputs: local features (N, H, W, C) and a query (N, C).
    Outputs: attended features (N, C), and the map (N, H, W), whose sum is 1; both float32.
    """

    def __init__(self, compatibility: str = "dot", **options) -> None:
        super().__init__(**options)
        if compatibility not in COMPATIBILITIES:
            raise ValueError(
                f"compatibility must be one of {COMPATIBILITIES}. Received: {compatibility!r}"
            )
        self.compatibility = compatibility

    def build(self, input_shape):
        if self.compatibility == "additive":
            channels = input_shape[0][-1]
            self.u = self.add_weight(
                shape=(channels,), initializer=keras.initializers.Ones(), name="u"
            )

    def call(self, inputs):
        local, query = (ops.cast(part, "float32") for part in inputs)
        query = query[:, None, None, :]
        if self.compatibility == "additive":
            fit = (local + query) * ops.cast(self.u, "float32")
        else:
            fit = local * query
        # The square root keeps the softmax from choosing one position before anything is learned.
        scores = ops.sum(fit, axis=-1) / local.shape[-1] ** 0.5
        height, width = local.shape[1:3]
        weights = ops.softmax(ops.reshape(scores, (-1, height * width)), axis=-1)
        weights = ops.reshape(weights, (-1, height, width))
        return ops.sum(local * weights[..., None], axis=(1, 2)), weights

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape[0]
        return (batch, channels), (batch, height, width)

    def get_config(self):
        return {**super().get_config(), "compatibility": self.compatibility}


@keras.saving.register_keras_serializable("cxr")
class PeakAtOne(layers.Layer):
    """Maps (N, h, w), 0 or more, divided by their highest values."""

    def call(self, grid):
        return grid / ops.max(grid, axis=(1, 2), keepdims=True)

    def compute_output_shape(self, input_shape):
        return input_shape


def learn_to_pay_attention(
    size: int = 150,
    classes: int = 3,
    compatibility: str = "dot",
    channels: int = 512,
    dense: int = 128,
    dropout: Sequence[float] = (0.5, 0.25),
) -> keras.Model:
    """The network, untrained; `size`, `classes`, `dense`, `dropout` as `vgg_attention`.

    compatibility: `dot` or `additive`, how a local feature and the query are compared.
    channels: width of the local features after a 1x1 convolution, and of the query.
    Outputs: probabilities (N, classes) float32; maps `deep` (N, S/16, S/16), `middle` (N, S/8, S/8)
    and `shallow` (N, S/4, S/4), float32, 0..1, highest value 1.
    """
    # === Layers ===
    inputs = keras.Input((size, size, 3), name="image")
    last = vgg_features(inputs, final_pool=True)
    deepest = keras.Model(inputs, last)

    # === Functional model ===
    pooled = layers.GlobalAveragePooling2D(name="whole_image")(
        layers.BatchNormalization(name="features")(last)
    )
    query = layers.Dense(channels, activation="relu", name="query")(pooled)
    attended, maps = [], []
    for depth, block in zip(MAPS, DEPTHS, strict=True):
        local = layers.BatchNormalization(name=f"{depth}_norm")(deepest.get_layer(block).output)
        # Some of ImageNet's features lie a hundred deviations off: one such position would take the
        # whole softmax, and the first step of training would end it.
        local = layers.ReLU(6.0, name=f"{depth}_clipped")(local)
        local = layers.Conv2D(channels, 1, name=f"{depth}_local")(local)
        features, grid = AttendedFeatures(compatibility, dtype="float32", name=f"{depth}_attended")(
            [local, query]
        )
        attended.append(features)
        maps.append(grid)
    together = layers.Concatenate(name="attended")(attended)
    probabilities = classify(together, classes, dense, dropout)
    peaked = [
        PeakAtOne(dtype="float32", name=name)(grid) for name, grid in zip(MAPS, maps, strict=True)
    ]
    return keras.Model(inputs, [probabilities, *peaked[::-1]], name="learn_to_pay_attention")


NETWORK = Network(
    build=learn_to_pay_attention,
    preprocessing=Preprocessing(size=150),
    load_imagenet=load_imagenet,
    imagenet_layers="block",
    frozen_until=(*DEPTHS[:2], "block4_pool"),
    head_reads=DEPTHS,
)
