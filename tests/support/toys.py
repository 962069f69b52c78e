"""Small stand-ins that take seconds: an untrained artifact, pictures in folders of classes."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from model.artifact import INT8, WEIGHTS, save_metadata
from model.engines.weights import save_weights
from model.input.preprocess import Preprocessing
from training.data.manifest import Classes

SIZE = 32
LABELS = ("COVID19", "NORMAL", "PNEUMONIA")
CLASSES = Classes(LABELS)


@functools.cache
def toy_artifact(
    size: int = SIZE,
    labels: tuple[str, ...] = LABELS,
    architecture: str = "vgg_attention",
    name: str = "toy",
) -> Path:
    """Folder of an untrained network, made once a session; leave it alone."""
    import keras

    from model.networks import build, map_names
    from training.release.int8 import to_int8_network

    folder = Path(tempfile.mkdtemp(prefix="cxr-toy-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # The same weights every time: of those of chance, some make the hard choice of a part a tie.
    keras.utils.set_random_seed(0)
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
    return folder


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
