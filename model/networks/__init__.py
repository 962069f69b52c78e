"""The networks, by name, as an artifact's metadata names them. Needs Keras 3."""

from typing import Any

import keras

from model.errors import ArtifactMismatch
from model.networks.learn_to_pay_attention import learn_to_pay_attention
from model.networks.vgg_attention import vgg_attention
from model.networks.vgg_baseline import vgg_baseline

NETWORKS = {
    "vgg_attention": vgg_attention,
    "vgg_baseline": vgg_baseline,
    "learn_to_pay_attention": learn_to_pay_attention,
}


def build(architecture: str, config: dict[str, Any]) -> keras.Model:
    """A network with untrained weights. Raises ArtifactMismatch for an unknown architecture."""
    if architecture not in NETWORKS:
        raise ArtifactMismatch(
            f"There is no network {architecture!r}. Known: {', '.join(NETWORKS)}."
        )
    return NETWORKS[architecture](**config)
