"""The networks, by name, as an artifact's metadata names them. Needs Keras 3."""

from collections.abc import Mapping
from typing import Any

import keras

from model.errors import ArtifactMismatch
from model.networks.efficientnet_attention import efficientnet_attention
from model.networks.learn_to_pay_attention import DEPTHS, learn_to_pay_attention
from model.networks.vgg_attention import vgg_attention
from model.networks.vgg_baseline import vgg_baseline

NETWORKS = {
    "vgg_attention": vgg_attention,
    "vgg_baseline": vgg_baseline,
    "learn_to_pay_attention": learn_to_pay_attention,
    "efficientnet_attention": efficientnet_attention,
}
# Up to here a network's weights stay ImageNet's: VGG's blocks 1 to 4, EfficientNet's first three
# stages. These are the layers of them that the rest of the network reads.
FROZEN_UNTIL = {
    "vgg_attention": ("block4_pool",),
    "vgg_baseline": ("block4_pool",),
    "learn_to_pay_attention": (*DEPTHS[:2], "block4_pool"),
    "efficientnet_attention": ("block4_sum",),
}


def build(architecture: str, config: Mapping[str, Any]) -> keras.Model:
    """A network with untrained weights. Its outputs are the probabilities (N, classes), then its
    maps (N, h, w). Raises ArtifactMismatch for an unknown architecture."""
    if architecture not in NETWORKS:
        raise ArtifactMismatch(
            f"There is no network {architecture!r}. Known: {', '.join(NETWORKS)}."
        )
    return NETWORKS[architecture](**config)


def map_names(network: keras.Model) -> list[str]:
    """Names of a network's maps, in the order of its outputs; the first one is the main map."""
    return network.output_names[1:]


def frozen_part(network: keras.Model) -> keras.Model:
    """Images to a list of features, by the blocks whose weights do not change."""
    return keras.Model(network.inputs, _border(network))


def tail(network: keras.Model) -> keras.Model:
    """The list of features of `frozen_part` to probabilities and map; shares the weights."""
    return keras.Model(_border(network), network.outputs)


def _border(network: keras.Model) -> list[keras.KerasTensor]:
    return [network.get_layer(name).output for name in FROZEN_UNTIL[network.name]]
