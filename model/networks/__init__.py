"""The networks, by name, as an artifact's metadata names them. Needs Keras 3."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from model.errors import ArtifactMismatch
from model.evidence import MAP, evidence_map
from model.networks import (
    efficientnet_attention,
    hard_attention,
    learn_to_pay_attention,
    vgg_attention,
    vgg_baseline,
)
from model.networks.network import Network

NETWORKS: dict[str, Network] = {
    "vgg_attention": vgg_attention.NETWORK,
    "vgg_baseline": vgg_baseline.NETWORK,
    "learn_to_pay_attention": learn_to_pay_attention.NETWORK,
    "hard_attention": hard_attention.NETWORK,
    "efficientnet_attention": efficientnet_attention.NETWORK,
}


def network_named(architecture: str) -> Network:
    """Raises ArtifactMismatch for an unknown architecture."""
    if architecture not in NETWORKS:
        raise ArtifactMismatch(
            f"There is no network {architecture!r}. Known: {', '.join(NETWORKS)}."
        )
    return NETWORKS[architecture]


def build(architecture: str, config: Mapping[str, Any]) -> keras.Model:
    """A network with untrained weights; config: its constructor arguments.

    Raises ArtifactMismatch for an unknown architecture.
    """
    return network_named(architecture).build(**config)


def map_names(network: keras.Model, labels: Sequence[str]) -> list[str]:
    """Names of a network's maps, in the order of its outputs; the first one is the main map.

    labels: the K classes; a map that there is of each class is named by them.
    """
    names = []
    for name, tensor in zip(network.output_names[1:], network.outputs[1:], strict=True):
        if len(tensor.shape) == MAP:
            names.append(name)
        elif len(tensor.shape) > MAP:
            names += [evidence_map(label) for label in labels]
    return names


def frozen_part(network: keras.Model, fine_tune: bool = True) -> keras.Model:
    """Images to a list of features, by the blocks whose weights do not change.

    fine_tune: the later blocks learn; else all of ImageNet's weights are frozen.
    """
    return keras.Model(network.inputs, _border(network, fine_tune))


def tail(network: keras.Model, fine_tune: bool = True) -> keras.Model:
    """The list of features of `frozen_part` to probabilities and maps; shares the weights."""
    return keras.Model(_border(network, fine_tune), network.outputs)


def _border(network: keras.Model, fine_tune: bool) -> list[keras.KerasTensor]:
    record = network_named(network.name)
    if fine_tune:
        border = record.frozen_until
    else:
        border = (*record.head_reads, record.imagenet_layers_of(network)[-1].name)
    return [network.get_layer(name).output for name in border]
