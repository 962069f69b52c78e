"""Training images as the network takes them: as they are served, or changed."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
from tqdm import tqdm

from model.input.preprocess import Preprocessing, to_input
from training.data.augment import augment
from training.data.generator import generated
from training.data.reading import frame_around, grey, prepared, read
from training.data.samples import Sample, content_hash
from training.data.style import Style, donor_styles
from training.fitting.recipe import Recipe


def random_of(copy: int, number: int) -> np.random.Generator:
    """What changes an augmented copy of an image, from its start; the image's number among all."""
    return np.random.default_rng(1_000_003 * copy + number)


class Images:
    """The N images of some samples. Each is (S, S, 3) float32.

    Raises TrainingError, naming the file, when one cannot be read.
    """

    def __init__(self, samples: Sequence[Sample], recipe: Recipe) -> None:
        self.samples = samples
        self._recipe = recipe
        self._styles: list[list[Style]] | None = None

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def preprocessing(self) -> Preprocessing:
        return self._recipe.preprocessing

    def check(self) -> None:
        """Read every image once. An error in the middle of an epoch would be Keras's own, with a
        page of its inner life around the file's name."""
        for sample in tqdm(self.samples, "reading"):
            read(sample, self.preprocessing)

    def prepare(self) -> None:
        """Read what other images lend, before copies of this object go to other processes."""
        self._donors()

    def plain(self, number: int) -> np.ndarray:
        """As serving prepares it."""
        return prepared(self.samples[number], self.preprocessing).image

    def changed(self, number: int, random: np.random.Generator) -> np.ndarray:
        """As the recipe's generator or augmentation changes it; the same for the same `random`."""
        sample, preprocessing = self.samples[number], self.preprocessing
        if self._recipe.generator:
            picture = generated(grey(sample, preprocessing), self._recipe.generator, random)
        else:
            pixels = read(sample, preprocessing).pixels
            picture = augment(
                pixels,
                self._recipe.augmentation,
                preprocessing,
                random,
                self._donors(),
                frame_around(pixels, preprocessing),
            )
        return to_input(picture, preprocessing)

    @functools.cached_property
    def content_key(self) -> str:
        """Names the images by their content, labels and splits."""
        return content_hash(self.samples)

    @property
    def changes_key(self) -> str:
        """Names the way in which images are changed."""
        change = self._recipe.generator or self._recipe.augmentation
        return hashlib.sha256(repr((type(change).__name__, astuple(change))).encode()).hexdigest()

    def _donors(self) -> list[list[Style]]:
        if not self._recipe.augmentation.restyle:
            return []
        if self._styles is None:
            self._styles = donor_styles(self.samples, lambda one: grey(one, self.preprocessing))
        return self._styles
