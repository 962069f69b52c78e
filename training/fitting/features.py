"""Features of the frozen blocks, computed once and kept on disk.

VGG's blocks 1 to 4 hold nine tenths of its arithmetic and do not learn, so each image (and each of
its augmented copies) goes through them once; epochs then cost seconds instead of minutes.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from model.framing.lungs import MODEL_FILE
from training.fitting.images import Images, random_of

BATCH = 32

# What a network reads of its frozen blocks: a (N, h, w, C) float16 array on disk for each layer.
Features = list[np.ndarray]


class FeatureCache:
    """Feature files in a folder, named by everything that went into them: the images' content, how
    they are prepared and changed, the network's weights and precision, the layer that they are of.
    Several runs may share it.

    frozen: a `keras.Model` from images (N, S, S, 3) to a list of features.
    """

    def __init__(self, folder: Path, frozen) -> None:
        self._folder = folder
        self._frozen = frozen
        self._network = _network_hash(frozen)

    def plain(self, images: Images) -> Features:
        """Features of the images as they are served."""
        return self._features(images, "plain", images.plain)

    def changed(self, images: Images, copy: int) -> Features:
        """Features of one changed copy of every image; the same number gives the same copy."""

        def load(number: int) -> np.ndarray:
            return images.changed(number, random_of(copy, number))

        return self._features(images, f"changed-{images.changes_key[:8]}-{copy}", load)

    def _features(self, images: Images, kind: str, load) -> Features:
        digest = hashlib.sha256(images.content_key.encode())
        digest.update(f"{images.preprocessing.id},{self._network}".encode())
        if images.preprocessing.frame == "lungs":
            digest.update((images.preprocessing.lungs_file or MODEL_FILE).read_bytes())
        if images.preprocessing.needs_statistics:
            digest.update(images.preprocessing.statistics_file.read_bytes())
        key = f"{digest.hexdigest()[:16]}-{kind}"
        files = [self._folder / f"{key}-{layer}.npy" for layer in self._frozen.output_names]
        if not all(file.exists() for file in files):
            self._folder.mkdir(parents=True, exist_ok=True)
            # Names of its own: another run may be making the same features at this moment.
            with tempfile.TemporaryDirectory(prefix=".part-", dir=self._folder) as unfinished:
                parts = [Path(unfinished, file.name) for file in files]
                self._compute(parts, len(images), kind, load)
                for part, file in zip(parts, files, strict=True):
                    part.replace(file)
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


def _network_hash(network) -> str:
    """Of its weights, and of the precision of each layer."""
    digest = hashlib.sha256()
    for layer in network.layers:
        digest.update(f"{layer.name},{layer.dtype_policy.name}".encode())
        for values in layer.get_weights():
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
