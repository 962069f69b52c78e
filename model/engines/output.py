"""What every engine returns, and how it comes out of a network's tensors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from model.errors import ModelError
from model.evidence import FEATURES, MAP


@dataclass(frozen=True)
class Output:
    """What a network says about N images.

    probabilities: (N, K) float32, K labels in the artifact's order; each row sums to 1.
    maps: by name, in the artifact's order, (N, h, w) float32; attention is 0..1, evidence signed
        (`model.evidence`); empty without attention.
    features: (N, C) float32, what the classes are decided by; None where a network keeps them.
    """

    probabilities: np.ndarray
    maps: dict[str, np.ndarray]
    features: np.ndarray | None = None


def output_of(tensors: Sequence[np.ndarray], maps: Sequence[str]) -> Output:
    """A network's tensors, told apart by their shapes.

    tensors: probabilities (N, K), then, float32, maps (N, h, w), maps of every class (N, K, h, w)
        and features (N, C).
    maps: names of the maps in their order. An artifact that was made before a network had its last
        maps names fewer of them, and gets those.
    Raises ModelError when a probability is no number, as of weights that do not fit in float16.
    """
    probabilities, *others = tensors
    if not np.isfinite(probabilities).all():
        raise ModelError(
            "The network answered with a probability that is not a number. "
            "Use another model, or export this one again."
        )
    grids: list[np.ndarray] = []
    features = None
    for tensor in others:
        if tensor.ndim == FEATURES:
            features = tensor
        else:
            grids += [tensor] if tensor.ndim == MAP else list(np.moveaxis(tensor, 1, 0))
    return Output(probabilities, dict(zip(maps, grids, strict=False)), features)


def count_maps(shapes: Iterable[Sequence[int]]) -> int:
    """How many maps there are in tensors of these shapes, the probabilities left out."""
    return sum({FEATURES: 0, MAP: 1}.get(len(shape), shape[1]) for shape in shapes)


def joined(outputs: Sequence[Output]) -> Output:
    """Several outputs of the same network, one after the other. At least one is needed."""
    return Output(
        np.concatenate([output.probabilities for output in outputs]),
        {
            name: np.concatenate([output.maps[name] for output in outputs])
            for name in outputs[0].maps
        },
        None
        if outputs[0].features is None
        else np.concatenate([output.features for output in outputs]),
    )
