"""Real pictures from packages: scikit-image, scikit-learn, matplotlib, pydicom-data.

No picture shows in two splits.
"""

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from training.gate.canvas import Random, grey

_SHARES = ("train", "test", "train", "val")


def pick(random: Random, pictures: list[np.ndarray], split: str) -> np.ndarray:
    """A picture of the split's share: every fourth for `test`, every fourth for `val`."""
    mine = [p for i, p in enumerate(pictures) if _SHARES[i % len(_SHARES)] == split]
    return mine[int(random.integers(len(mine)))]


@cache
def photographs() -> list[np.ndarray]:
    import matplotlib
    import skimage
    import sklearn

    folders = (
        (Path(skimage.__file__).parent / "data", "page text phantom horse chessboard_GRAY"),
        (Path(sklearn.__file__).parent / "datasets" / "images", ""),
        (Path(matplotlib.get_data_path()) / "sample_data", "Minduka_Present_Blue_Pack logo2"),
    )
    return [
        _opened(path)
        for folder, drawn in folders
        for path in sorted(folder.iterdir())
        if path.suffix in (".png", ".jpg") and path.stem not in drawn.split()
    ]


@cache
def faces() -> list[np.ndarray]:
    import skimage

    faces = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")
    return list(faces.astype(np.float32))


@cache
def scanned_pages() -> list[np.ndarray]:
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    halves = [np.array_split(_opened(folder / f"{name}.png"), 2, 1) for name in ("page", "text")]
    return [half for pair in halves for half in pair]


@cache
def slices() -> list[np.ndarray]:
    """CT, MR and ultrasound of pydicom-data, by the decoder's own pixel path."""
    import data_store
    import pydicom
    from pydicom.pixels import pixel_array

    from model.reading import jpeg
    from model.reading.pixels import stretched

    jpeg.register()  # pydicom alone does not decode all of them
    folder = Path(data_store.__file__).parent / "data"
    names = ("693_UNCR", "MR2_UNCI", "MR-SIEMENS-DICOM-WithOverlays", "US1_UNCI", "JPEG-LL",
             "eCT_Supplemental", "explicit_VR-UN", "emri_small", "mlut_18")  # fmt: skip
    pictures = []
    for name in names:
        values = pixel_array(pydicom.dcmread(folder / f"{name}.dcm"))
        if values.shape[-1] == 3:
            values = values[..., 0]
        frames = values if values.ndim == 3 else [values]
        for frame in frames:
            clipped = np.clip(frame, *np.percentile(frame, (1, 99.5)))
            pictures.append(stretched(clipped))
    return pictures


def _opened(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        image.thumbnail((512, 512))
        return grey(image.convert("RGB"))
