"""Medical pictures that a clinic may send by mistake: the folder `not_frontal` of the data.

Lateral chests, CT slices, small pictures of CT, MR and hands. Their patients are not named, and
neighbours in the list may be of one patient or one book: so they are dealt out in blocks of
neighbours and never one by one.
"""

import csv
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

FOLDER = "not_frontal"
BLOCKS = 4  # of each kind and source
LAST = BLOCKS - 1  # for measuring; the others are for fitting


@dataclass(frozen=True)
class Mistake:
    """A picture of the folder.

    kind: `lateral`, `ct` or `medmnist`. block: that it is dealt out in, 0..LAST.
    """

    path: Path
    kind: str
    block: int


def read_mistakes(folder: Path) -> list[Mistake]:
    """Raises OSError when the data have no such folder."""
    with (folder / FOLDER / "index.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    found = []
    for (kind, _), group in groupby(rows, key=lambda row: (row["kind"], row["source"])):
        pictures = list(group)
        found += [
            Mistake(folder / FOLDER / row["file"], kind, BLOCKS * number // len(pictures))
            for number, row in enumerate(pictures)
        ]
    return found
