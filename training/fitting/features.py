"""Features of the frozen blocks, computed once and kept on disk.

VGG's blocks 1 to 4 hold nine tenths of its arithmetic and do not learn, so each image (and each of
its augmented copies) goes through them once; epochs then cost seconds instead of minutes.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from model.preprocess import Preprocessing, to_vgg_input
from training.data.augment import Augmentation, augment
from training.data.manifest import Sample, data_hash
from training.data.reading import frame_around, grey, prepared, read
from training.data.style import Style, donor_styles

BATCH = 32

# What a network reads of its frozen blocks: a (N, h, w, C) float16 array on disk for each layer.
Features = list[np.ndarray]


def random_of(copy: int, number: int) -> np.random.Generator:
    """What changes an augmented copy of an image, from its start; the image's number among all."""
    return np.random.default_rng(1_000_003 * copy + number)


class FeatureCache:
    """Feature files in a folder, named by what went into them and the layer that they come from.

    frozen: a `keras.Model` from images (N, S, S, 3) to a list of features.
    """

    def __init__(self, folder: Path, frozen, preprocessing: Preprocessing) -> None:
        self._folder = folder
        self._frozen = frozen
        self._preprocessing = preprocessing
        self._styles: list[list[Style]] | None = None

    def plain(self, samples: Sequence[Sample]) -> Features:
        """Features of the images as they are served."""
        return self._features(
            samples, "plain", lambda number: prepared(samples[number], self._preprocessing).image
        )

    def augmented(
        self, samples: Sequence[Sample], augmentation: Augmentation, copy: int
    ) -> Features:
        """Features of one augmented copy of every image; the same number gives the same copy."""
        donors = self._donors(samples) if augmentation.restyle else []

        def load(number: int) -> np.ndarray:
            pixels = read(samples[number], self._preprocessing).pixels
            random = random_of(copy, number)
            around = frame_around(pixels, self._preprocessing)
            return to_vgg_input(
                augment(pixels, augmentation, self._preprocessing, random, donors, around)
            )

        key = hashlib.sha256(str(astuple(augmentation)).encode()).hexdigest()[:8]
        return self._features(samples, f"augmented-{key}-{copy}", load)

    def _donors(self, samples: Sequence[Sample]) -> list[list[Style]]:
        if self._styles is None:
            self._styles = donor_styles(samples, lambda one: grey(one, self._preprocessing))
        return self._styles

    def _features(self, samples, kind: str, load) -> Features:
        key = f"{data_hash(samples)[:12]}-{self._preprocessing.id.replace(':', '-')}-{kind}"
        files = [self._folder / f"{key}-{layer}.npy" for layer in self._frozen.output_names]
        if not all(file.exists() for file in files):
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = [file.with_suffix(".part.npy") for file in files]
            self._compute(unfinished, len(samples), kind, load)
            for part, file in zip(unfinished, files, strict=True):
                part.rename(file)
        return [np.load(file, mmap_mode="r") for file in files]

    def _compute(self, files: Sequence[Path], count: int, kind: str, load) -> None:
        kept = [
            np.lib.format.open_memmap(file, "w+", np.float16, (count, *output.shape[1:]))
            for file, output in zip(files, self._frozen.outputs, strict=True)
        ]

        def load_batch(start: int) -> np.ndarray:
            return np.stack([load(n) for n in range(start, min(start + BATCH, count))])

        starts = range(0, count, BATCH)
        with ThreadPoolExecutor(1) as ahead:
            batches = ahead.map(load_batch, starts)
            for start, batch in tqdm(
                zip(starts, batches, strict=True), f"features, {kind}", total=len(starts)
            ):
                # Keras hands a single output over without its list.
                found = keras.tree.flatten(self._frozen.predict_on_batch(batch))
                for rows, features in zip(kept, found, strict=True):
                    rows[start : start + len(batch)] = np.asarray(features, dtype=np.float16)
        for rows in kept:
            rows.flush()
