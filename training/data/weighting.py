"""Sample weights: the classes count equally, and no source decides a class alone.

A network that learns the hospital instead of the lungs does well on average; equal shares take
that reward away.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from training.data.samples import Sample

# A source with fewer images of a class than this cannot be given a whole share: the same few
# images would then be learned by heart.
FEW = 50
# What a source with one label counts, of what it would otherwise: nothing can make up for that.
ALONE = 0.15


def sample_weights(samples: Sequence[Sample]) -> np.ndarray:
    """One weight per image, mean 1.

    Within a class, a source's share grows with the square root of its number of images.
    Returns: (N,) float32.
    """
    groups = Counter((sample.label, sample.source) for sample in samples)
    shares = {group: _share(count) for group, count in groups.items()}
    of_label: Counter = Counter()
    for (label, _), share in shares.items():
        of_label[label] += share
    weights = np.array(
        [
            shares[s.label, s.source] / of_label[s.label] / groups[s.label, s.source]
            for s in samples
        ],
        dtype=np.float32,
    )
    return weights / weights.mean()


def weights_within_sources(samples: Sequence[Sample]) -> np.ndarray:
    """One weight an image, mean 1, under which a source does not tell the label.

    The labels of a source count equally, so that knowing the source is worth as little as the data
    allow; a source's share grows with the square root of its number of images, and is little
    (`ALONE`) when the source has one label only.
    Returns: (N,) float32.
    """
    groups = Counter((sample.source, sample.label) for sample in samples)
    labels = Counter(source for source, _ in groups)
    sizes = Counter(sample.source for sample in samples)
    weights = np.array(
        [
            sizes[s.source] ** 0.5
            / labels[s.source]
            / max(groups[s.source, s.label], FEW)
            * (ALONE if labels[s.source] == 1 else 1.0)
            for s in samples
        ],
        dtype=np.float32,
    )
    return weights / weights.mean()


def _share(count: int) -> float:
    """The root of the count; under FEW, as much per image as FEW images get."""
    return count / max(count, FEW) ** 0.5
