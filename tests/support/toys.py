"""Small stand-ins that take seconds: an untrained artifact, pictures in folders of classes."""

import functools
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from model.artifact import INT8, METADATA, WEIGHTS, save_metadata
from model.engines.weights import save_weights
from model.input.preprocess import Preprocessing
from tests.support.shared import made_once
from training.data.samples import Classes

SIZE = 32
LABELS = ("COVID19", "NORMAL", "PNEUMONIA")
CLASSES = Classes(LABELS)

# A recipe for pictures of stripes. What differs comes in front of it: it ends with a table.
STRIPES = f"""
name = "stripes"
version = "0.1.0"
labels = ["COVID19", "NORMAL", "PNEUMONIA"]
architecture = "vgg_attention"
batch = 6
learning_rate = 1e-3
[preprocessing]
size = {SIZE}
"""


@functools.cache
def toy_artifact(
    size: int = SIZE,
    labels: tuple[str, ...] = LABELS,
    architecture: str = "vgg_attention",
    name: str = "toy",
) -> Path:
    """Folder of an untrained network with few filters, made once a test run; leave it alone.

    Those of other labels or another name are copies: the converter takes most of the time.
    `narrow_vgg` must be in use where Keras is to load it.
    """
    some = LABELS if len(labels) == len(LABELS) else tuple(map(str, range(len(labels))))

    def make(folder: Path) -> None:
        if (labels, name) == (some, "toy"):
            from tests.support.narrow import narrow_vgg

            with narrow_vgg():
                _save_artifact(folder, size, labels, architecture, name)
        else:
            artifact = toy_artifact(size, some, architecture)
            shutil.copytree(artifact, folder, dirs_exist_ok=True)
            _relabel(folder, name, labels)

    return made_once("-".join(("toy", architecture, str(size), *labels, name)), make)


def _save_artifact(
    folder: Path, size: int, labels: tuple[str, ...], architecture: str, name: str
) -> None:
    import keras

    from model.networks import build, map_names
    from training.release.int8 import to_int8_network

    # The same weights every time: of those of chance, some make the hard choice of a part a tie.
    keras.utils.set_random_seed(1)
    network = build(architecture, {"size": size, "classes": len(labels)})
    save_weights(network, folder / WEIGHTS)
    (folder / INT8).write_bytes(to_int8_network(network, list(toy_images(4, size))))
    save_metadata(
        folder,
        Preprocessing(size=size),
        labels,
        map_names(network, labels),
        name=name,
        version="0.0.1",
        architecture=architecture,
        config={},
        uncertain_below=0.5,
    )


def relabelled(artifact: Path, folder: Path, *labels: str) -> Path:
    """A copy with other labels for the same outputs, named like its folder."""
    shutil.copytree(artifact, folder)
    _relabel(folder, folder.name, labels)
    return folder


def _relabel(artifact: Path, name: str, labels: tuple[str, ...]) -> None:
    metadata = json.loads((artifact / METADATA).read_text())
    metadata |= {"name": name, "labels": list(labels)}
    (artifact / METADATA).write_text(json.dumps(metadata))


def toy_images(count: int, size: int = SIZE) -> np.ndarray:
    """(N, S, S, 3) float32 in the range of prepared images."""
    random = np.random.default_rng(0)
    return random.uniform(-110, 140, (count, size, size, 3)).astype(np.float32)


def toy_folders(folder: Path, each: int = 4, labels: tuple[str, ...] = LABELS) -> Path:
    """Pictures in `split/class/` folders, with stripes that tell the classes apart."""
    random = np.random.default_rng(0)
    rows = np.mgrid[0:80, 0:80][0]
    for split in ("train", "val", "test"):
        for number, label in enumerate(labels):
            (folder / split / label).mkdir(parents=True)
            for copy in range(each):
                stripes = 120 + 80 * np.sin(rows / (2 + 3 * number)) + random.normal(0, 9, (80, 80))
                picture = Image.fromarray(stripes.clip(0, 255).astype(np.uint8))
                picture.save(folder / split / label / f"{copy}.png")
    return folder
