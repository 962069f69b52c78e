"""Random views of films with their lung boxes: what the finder of lungs is taught with."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageFilter

from model.framing.box import Box
from model.framing.lungs import SIDE, stretched
from training.data.reading import read
from training.data.samples import Sample
from training.measure.maps.attention import lung_mask, mask_fits

LONGEST = 160  # pixels of the longer side of the films that are kept in memory
MIN_VISIBLE = 0.55  # of the lungs' width and height: a view that shows less is not a chest


@dataclass(frozen=True)
class Film:
    """pixels: (h, w) uint8. box: around both lungs, shares of the film."""

    sample: Sample
    pixels: np.ndarray
    box: Box


def films(folder: Path, samples: Sequence[Sample]) -> list[Film]:
    """Those of the samples whose lungs people have marked: `lung_boxes.csv`, and the masks."""
    with (folder / "lung_boxes.csv").open(newline="") as opened:
        marked = {row["path"]: _box(row) for row in csv.DictReader(opened)}
    found = []
    for sample in samples:
        box = marked.get(str(sample.path.relative_to(folder)))
        if box is None and sample.lung_mask and mask_fits(sample):
            box = _box_around(lung_mask(sample))
        if box is not None:
            found.append(Film(sample, _small(read(sample).pixels), box))
    return found


class Views(keras.utils.PyDataset):
    """Batches of (thumbnails (N, SIDE, SIDE, 1), boxes (N, 4)): a random view of each film."""

    def __init__(self, shown: Sequence[Film], batch: int, seed: int) -> None:
        super().__init__()
        self._films, self._batch = shown, batch
        self._random = np.random.default_rng(seed)
        self._order = np.arange(len(shown))

    def on_epoch_end(self) -> None:
        self._random.shuffle(self._order)

    def __len__(self) -> int:
        return len(self._films) // self._batch

    def __getitem__(self, number: int):
        chosen = self._order[number * self._batch : (number + 1) * self._batch]
        views = [view(self._films[n], self._random) for n in chosen]
        return (
            np.stack([grey for grey, _ in views])[..., None],
            np.array([box for _, box in views], np.float32),
        )


def view(film: Film, random: np.random.Generator) -> tuple[np.ndarray, Box]:
    """(SIDE, SIDE) float32 0..1 as `thumbnail` makes it, and the lungs' box in it.

    The film cut or padded on each side, slightly turned, mirrored, squashed, in another exposure.
    """
    while True:
        window = _window(film.box, random)
        shown = film.box.within(window)
        box = shown.inside
        if _visible(shown) >= MIN_VISIBLE:
            break
    height, width = film.pixels.shape
    picture = Image.fromarray(film.pixels)
    fill = int(random.choice([0, 0, 0, 255, random.integers(256)]))
    turn = random.normal(0, 3)
    centre = ((film.box.left + film.box.right) / 2 * width,
              (film.box.top + film.box.bottom) / 2 * height)  # fmt: skip
    if random.random() < 0.5:
        picture = picture.rotate(turn, Image.Resampling.BILINEAR, center=centre, fillcolor=fill)
    edges = (window.left * width, window.top * height, window.right * width, window.bottom * height)
    grey = picture.transform(
        (2 * SIDE, 2 * SIDE),
        Image.Transform.EXTENT,
        edges,
        Image.Resampling.BILINEAR,
        fillcolor=fill,
    ).reduce(2)
    if random.random() < 0.2:
        grey = grey.filter(ImageFilter.GaussianBlur(random.uniform(0, 1.2)))
    values = np.asarray(grey, np.float32) / 255
    if random.random() < 0.5:
        values, box = values[:, ::-1], Box(1 - box.right, box.top, 1 - box.left, box.bottom)
    return _exposed(values, random), box


def _window(box: Box, random: np.random.Generator) -> Box:
    """A part of the film, and beyond it: the whole, or what a second look at the lungs shows."""
    if random.random() < 0.5:
        sides = random.normal(0, 0.12, 4)
        return Box(sides[0], sides[1], 1 - sides[2], 1 - sides[3])
    x, y = box.right - box.left, box.bottom - box.top
    left, top, right, bottom = random.normal(0.25, 0.15, 4)
    return Box(
        box.left - left * x, box.top - top * y, box.right + right * x, box.bottom + bottom * y
    )


def _visible(box: Box) -> float:
    """The smaller of the shares of the box's width and height that lie in 0..1."""
    return min(
        (min(high, 1) - max(low, 0)) / (high - low)
        for low, high in ((box.left, box.right), (box.top, box.bottom))
    )


def _exposed(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    values = stretched(np.ascontiguousarray(values))
    if random.random() < 0.1:
        values = 1 - values
    if random.random() < 0.6:
        values = values ** np.exp(random.uniform(-0.6, 0.6))
    if random.random() < 0.3:
        values = values + random.normal(0, random.uniform(0, 0.06), values.shape)
    if random.random() < 0.3:  # a marker, a tube, a pacemaker, an opacity
        x, y = random.integers(0, SIDE, 2)
        across, down = random.integers(2, SIDE // 4, 2)
        values[y : y + down, x : x + across] = random.random()
    if random.random() < 0.3:
        slope = np.linspace(-1, 1, SIDE) * random.uniform(-0.3, 0.3)
        values = values + (slope[:, None] if random.random() < 0.5 else slope[None])
    return np.clip(values, 0, 1).astype(np.float32)


def _small(pixels: np.ndarray) -> np.ndarray:
    picture = Image.fromarray((pixels * 255).astype(np.uint8))
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX)
    return np.asarray(picture)


def _box(row: dict[str, str]) -> Box:
    x, y, width, height = (float(row[name]) for name in ("x", "y", "width", "height"))
    return Box(x, y, min(1.0, x + width), min(1.0, y + height))


def _box_around(mask: np.ndarray) -> Box:
    """mask: (H, W), not 0 in the lungs."""
    height, width = mask.shape
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return Box(
        columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
    )
