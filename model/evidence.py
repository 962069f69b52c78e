"""Evidence maps: how much each place of an X-ray adds to each class.

Where the network allows it, this is exact and no estimate. The released network pools features
under its attention map and puts one linear layer over them, so the log probability of a class,
against the mean of all classes, is a sum over places plus a constant
(`model.networks.layers.ClassesWithEvidence`): log p_k - mean_j log p_j = sum of map k + bias. The
calibration's temperature is folded into that layer, so the unit is that of the probabilities shown:
natural logarithms, per cell of the network's grid. Where two maps of an image differ by 0.69 in
sum, the odds of their classes differ by a factor of two. Resampled to the part of the frame that
shows film, the cells keep their values and the sum is approximate.

Networks with a hidden layer behind the pooling (VGG16 here) have no such sum, and therefore no
evidence maps.
"""

from typing import Literal

PREFIX = "evidence_"
UNIT = "log probability per cell"

# Dimensions of what a network gives out besides its probabilities: features (N, C), maps (N, h, w),
# and maps of every class (N, K, h, w).
FEATURES, MAP = 2, 3

Kind = Literal["attention", "evidence"]


def evidence_map(label: str) -> str:
    """The name of the map of a label: usable as a part of a URL."""
    return PREFIX + label.replace("/", "_")


def kind_of(name: str) -> Kind:
    """What a map of that name shows: where the network looked, or what speaks for a label."""
    return "evidence" if name.startswith(PREFIX) else "attention"
