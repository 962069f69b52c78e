"""Features of the medical pictures that a clinic may send by mistake, for fitting and measuring."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.gate.features import measure
from model.reading.radiograph import decode
from training.data.mistakes import read_mistakes
from training.gate.chests import as_sent

# Variants of each picture that the gate is fitted on: laterals are few, and the nearest to a chest.
VARIANTS = {"lateral": 24, "ct": 6, "medmnist": 2}


@dataclass(frozen=True)
class Mistakes:
    """Features of M pictures and of V variants of them.

    kinds, blocks: (M,), as of `training.data.mistakes.Mistake`. plain: (M, D). variants: (V, D).
    of: (V,) int, the picture that each variant shows.
    """

    kinds: np.ndarray
    blocks: np.ndarray
    plain: np.ndarray
    variants: np.ndarray
    of: np.ndarray

    def fitted_on(self, held_out: int) -> tuple[np.ndarray, np.ndarray]:
        """Features and kinds of the pictures, and of their variants, of all other blocks."""
        own = self.blocks != held_out
        copies = own[self.of]
        return (
            np.concatenate([self.plain[own], self.variants[copies]]),
            np.concatenate([self.kinds[own], self.kinds[self.of[copies]]]),
        )


def gather_mistakes(folder: Path, template: np.ndarray) -> Mistakes:
    """Raises OSError when the data have no such folder."""
    random = np.random.default_rng(4)
    kinds, blocks, plain, variants, of = [], [], [], [], []
    for mistake in read_mistakes(folder):
        pixels = decode(mistake.path).pixels
        plain.append(measure(pixels, template))
        kinds.append(mistake.kind)
        blocks.append(mistake.block)
        for _ in range(VARIANTS[mistake.kind]):
            variants.append(measure(as_sent(random, pixels), template))
            of.append(len(plain) - 1)
    return Mistakes(*map(np.array, (kinds, blocks, plain, variants, of)))
