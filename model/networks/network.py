"""What one network needs, from its first weights to its export, in one record."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from model.input.preprocess import Preprocessing


@dataclass(frozen=True)
class Policy:
    """scores: a logit for each position, (N, P). position: the chosen one, (N, P) one-hot.
    cells: features that the choice is made from, (N, h, w, C)."""

    scores: str
    position: str
    cells: str


@dataclass(frozen=True)
class Network:
    """build: makes it, untrained, from `size`, `classes` and options of its own. Its outputs are
    the layer `probabilities`, (N, classes); then its maps, (N, h, w) 0..1, named by their layers;
        then, if it can, `evidence`, (N, classes, h, w), and the pooled features, (N, C).
    preprocessing: its input, where a recipe says nothing else.
    load_imagenet: gives the convolutions ImageNet's weights.
    imagenet_layers: how the names of the layers begin that have such weights.
    frozen_until: up to here weights stay ImageNet's; these are the layers of that part which the
        rest of the network reads. Empty: nothing can be computed once and kept.
    head_reads: the same where none of ImageNet's weights are trained; with the last layer that has
        or pools such weights, which needs no name.
    float32_until: convolutions up to this layer are not rounded to int8; None: all are.
    policy: of a network that chooses where to look: names of the layers that reinforcement teaches
        with (`training.fitting.reinforce`); None: it learns by its gradient alone.
    lung_map: the map that can be taught where the lungs are; None: the network has none.
    """

    build: Callable[..., keras.Model]
    preprocessing: Preprocessing
    load_imagenet: Callable[[keras.Model], None]
    imagenet_layers: str
    frozen_until: tuple[str, ...]
    head_reads: tuple[str, ...] = ()
    float32_until: str | None = None
    lung_map: str | None = None
    policy: Policy | None = None

    def imagenet_layers_of(self, network: keras.Model) -> list[keras.layers.Layer]:
        return [layer for layer in network.layers if layer.name.startswith(self.imagenet_layers)]
