"""Boxes that radiologists drew around what they saw, as maps for a network to learn."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model.framing.box import Box, cut
from training.data.augment import Augmentation, move
from training.data.samples import Sample
from training.errors import InvalidManifest

FILE = "boxes.csv"
DRAWN = 192  # pixels of the longer side of the picture that boxes are drawn on
FINE = 8  # pixels a side of each cell of a map
UNKNOWN = -1.0


def read_findings(folder: Path) -> dict[Path, list[Box]]:
    """By image, the boxes of `boxes.csv` in the data's folder. Raises InvalidManifest."""
    found = defaultdict(list)
    try:
        with (folder / FILE).open(newline="", encoding="utf-8-sig") as opened:
            for row in csv.DictReader(opened):
                x, y, width, height = (float(row[n]) for n in ("x", "y", "width", "height"))
                found[folder / row["path"]].append(Box(x, y, x + width, y + height).inside)
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise InvalidManifest(f"{folder / FILE} cannot be read as boxes: {error}") from error
    return found


def finding_map(
    sample: Sample,
    boxes: Sequence[Box],
    film: tuple[int, int],
    cells: int,
    around: Box,
    augmentation: Augmentation | None = None,
    random: np.random.Generator | None = None,
) -> np.ndarray:
    """How much of each cell of the network's map, 0..1, shows a finding.

    film: height and width of the X-ray. cells: h and w of the map. around: what the network sees of
    the film. augmentation, random: as the X-ray was augmented; None for the plain one.
    Returns: (cells, cells) float32; empty for a normal film; UNKNOWN everywhere for others of which
    nobody drew what they show.
    """
    if not boxes and sample.label != "NORMAL":
        return np.full((cells, cells), UNKNOWN, np.float32)
    mask = np.zeros([max(2, round(side * DRAWN / max(film))) for side in film], np.float32)
    height, width = mask.shape
    for box in boxes:
        rows = slice(int(box.top * height), int(np.ceil(box.bottom * height)))
        mask[rows, int(box.left * width) : int(np.ceil(box.right * width))] = 1
    if augmentation is not None:
        mask, around = move(mask, augmentation, random, 0.0, around)
    fine, _ = cut(mask, around, FINE * cells)
    return fine.reshape(cells, FINE, cells, FINE).mean(axis=(1, 3))
