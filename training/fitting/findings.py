"""A map that shows the finding, taught with boxes where there are any and with empty films.

A network that may look anywhere looks at borders and machines; one that has to draw what
radiologists marked looks at opacities.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from model.framing.box import Box
from training.data.findings import FILE, UNKNOWN, finding_map, read_findings
from training.data.reading import frame_around, read
from training.data.samples import Sample
from training.fitting.images import random_of
from training.fitting.recipe import Recipe

EPSILON = 1e-6


class Findings(keras.layers.Layer):
    """Adds to the loss how far the map is from what radiologists drew: cross-entropy of its cells,
    and what its overlap with the boxes lacks where there are any (Dice: Milletari et al. 2016,
    arXiv 1606.04797), because cells that are a little bright all over are cheap for the first.

    Inputs: probabilities (N, K), attention (N, h, w) 0..1, drawn (N, h, w) 0..1, or negative where
    nobody looked. Output: the probabilities.
    """

    def __init__(self, weight: float, **options) -> None:
        super().__init__(**options)
        self.weight = weight

    def call(self, inputs):
        probabilities, attention, drawn = inputs
        drawn = ops.cast(drawn, "float32")
        attention = ops.clip(ops.cast(attention, "float32"), EPSILON, 1 - EPSILON)
        known = ops.cast(drawn >= 0, "float32")
        loss = -(drawn * ops.log(attention) + (1 - drawn) * ops.log(1 - attention))
        of_cells = ops.sum(known * loss) / ops.maximum(ops.sum(known), 1.0)
        shown = known * drawn
        area = ops.sum(shown, axis=(1, 2))
        both = ops.sum(shown * attention, axis=(1, 2))
        all_of_them = area + ops.sum(known * attention, axis=(1, 2))
        lacking = 1 - (2 * both + 1) / (all_of_them + 1)
        has_boxes = ops.cast(area > 0, "float32")
        of_films = ops.sum(has_boxes * lacking) / ops.maximum(ops.sum(has_boxes), 1.0)
        self.add_loss(self.weight * (of_cells + of_films))
        return probabilities

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return super().get_config() | {"weight": self.weight}


def nothing_drawn(count: int, cells: int) -> np.ndarray:
    """(count, cells, cells) float16 that ask nothing of a map."""
    return np.full((count, cells, cells), UNKNOWN, np.float16)


class Drawn:
    """What radiologists drew on some samples, as maps of `cells` a side for a network to learn."""

    def __init__(self, samples: Sequence[Sample], recipe: Recipe, cells: int) -> None:
        self._samples, self._recipe, self.cells = samples, recipe, cells
        self._boxes: dict[Path, list[Box]] = {}
        for folder in {_data_folder(sample) for sample in samples} - {None}:
            self._boxes |= read_findings(folder)
        if not self._boxes:
            tqdm.write("No boxes: the map is free to look anywhere.", file=sys.stderr)

    def map(self, number: int, random: np.random.Generator | None) -> np.ndarray:
        """(cells, cells) float16 of one sample, see `training.data.findings.finding_map`.

        random: in the state in which the sample was changed; None for the plain one.
        """
        if not self._boxes:
            return nothing_drawn(1, self.cells)[0]
        sample, recipe = self._samples[number], self._recipe
        pixels = read(sample, recipe.preprocessing).pixels
        around = frame_around(pixels, recipe.preprocessing)
        changed = () if random is None else (recipe.augmentation, random)
        drawn = self._boxes.get(sample.path, [])
        return finding_map(sample, drawn, pixels.shape, self.cells, around, *changed).astype(
            np.float16
        )


def finding_maps(
    samples: Sequence[Sample], recipe: Recipe, cells: int, copies: Sequence[int | None]
) -> np.ndarray:
    """What to draw on every copy of every sample.

    copies: numbers of augmented copies, None for the plain one.
    Returns: (copies, N, cells, cells) float16, see `Drawn.map`.
    """
    drawn = Drawn(samples, recipe, cells)
    return np.stack(
        [
            [
                drawn.map(number, None if copy is None else random_of(copy, number))
                for number in range(len(samples))
            ]
            for copy in copies
        ]
    )


def _data_folder(sample: Sample) -> Path | None:
    """The nearest folder above the image that holds boxes."""
    return next((up for up in sample.path.parents if (up / FILE).is_file()), None)
