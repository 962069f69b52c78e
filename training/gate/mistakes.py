"""Medical pictures that a clinic may send by mistake: the folder `not_frontal` of the data.

Lateral chests, CT slices, small pictures of CT, MR and hands. Their patients are not named, and
neighbours in the list may be of one patient or one book: so they are dealt out in blocks of
neighbours and never one by one.
"""

import csv
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from model.gate.features import measure
from model.reading.radiograph import decode
from training.gate.chests import as_sent

FOLDER = "not_frontal"
BLOCKS = 4  # of each kind and source; the last is for measuring, the others for fitting
# Variants of each picture that the gate is fitted on: laterals are few, and the nearest to a chest.
VARIANTS = {"lateral": 24, "ct": 6, "medmnist": 2}


@dataclass(frozen=True)
class Mistakes:
    """Features of M pictures and of V variants of them.

    kinds, blocks: (M,) names, 0..BLOCKS - 1. plain: (M, D). variants: (V, D). of: (V,) int, the
    picture that each variant shows.
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
    with (folder / FOLDER / "index.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    kinds, blocks, plain, variants, of = [], [], [], [], []
    for _, group in groupby(rows, key=lambda row: (row["kind"], row["source"])):
        pictures = list(group)
        for number, row in enumerate(pictures):
            pixels = decode(folder / FOLDER / row["file"]).pixels
            plain.append(measure(pixels, template))
            kinds.append(row["kind"])
            blocks.append(BLOCKS * number // len(pictures))
            for _ in range(VARIANTS[row["kind"]]):
                variants.append(measure(as_sent(random, pixels), template))
                of.append(len(plain) - 1)
    return Mistakes(*map(np.array, (kinds, blocks, plain, variants, of)))
