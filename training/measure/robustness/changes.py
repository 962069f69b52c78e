"""Changes to a film that leave its finding as it is: what a result must not depend on.

Each takes a film, (H, W) float32 grey 0..1, and gives a file as a clinic might send it.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from model.framing.lungs import finder_of

Change = Callable[[np.ndarray], bytes]

# Around the lungs, of their box's sides: what a radiographer who cuts tightly leaves.
TIGHT = 0.12


def png(pixels: np.ndarray) -> bytes:
    return _saved(_picture(pixels), "PNG")


def changes() -> dict[str, Change]:
    """By name, in the order of the report. The first is what the others are compared with."""
    return {
        "as it is": png,
        "padded to a square": lambda film: png(_square(film)),
        "padded by 15 %": lambda film: png(_padded(film, 0.15)),
        "cut to the lungs": lambda film: png(_tight(film)),
        "cut by 6 %": lambda film: png(_cut(film, 0.06)),
        "12 % wider": lambda film: _saved(_scaled(film, 1.12, 1.0), "PNG"),
        "half the pixels": lambda film: _saved(_scaled(film, 0.7, 0.7), "PNG"),
        "gamma 0.8": lambda film: png(film**0.8),
        "gamma 1.25": lambda film: png(film**1.25),
        "blurred": lambda film: _saved(_picture(film).filter(ImageFilter.GaussianBlur(1)), "PNG"),
        "JPEG, quality 50": lambda film: _saved(_picture(film), "JPEG", quality=50),
        # Takes away the grain, which JPEG leaves.
        "WebP, quality 75": lambda film: _saved(_picture(film), "WEBP", quality=75),
        "corners hidden": lambda film: png(_without_corners(film, 0.12)),
        "turned by 4 degrees": lambda film: _saved(
            _picture(film).rotate(4, Image.Resampling.BILINEAR), "PNG"
        ),
        "inverted, with its tag": inverted_dicom,
    }


def inverted_dicom(film: np.ndarray) -> bytes:
    """A DICOM file whose grey values run from white to black, and which says so."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import (
        DigitalXRayImageStorageForPresentation,
        ExplicitVRLittleEndian,
        generate_uid,
    )

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID,
    )  # fmt: skip
    data.Modality, data.PhotometricInterpretation = "DX", "MONOCHROME1"
    data.Rows, data.Columns = film.shape
    data.SamplesPerPixel, data.PixelRepresentation = 1, 0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit = 7
    values = np.rint((1 - film) * 255).astype(np.uint8).tobytes()
    data.PixelData = values + b"\0" * (len(values) % 2)
    written = io.BytesIO()
    pydicom.dcmwrite(written, data, enforce_file_format=True)
    return written.getvalue()


def _square(film: np.ndarray) -> np.ndarray:
    """At least a tenth of the longer side is added to the shorter one."""
    height, width = film.shape
    side = max(height, width, round(1.1 * min(height, width)))
    return np.pad(film, ((0, side - height), (0, side - width)))


def _padded(film: np.ndarray, share: float) -> np.ndarray:
    return np.pad(film, [(round(share * side),) * 2 for side in film.shape])


def _cut(film: np.ndarray, share: float) -> np.ndarray:
    rows, columns = (slice(round(share * n), n - round(share * n)) for n in film.shape)
    return film[rows, columns]


def _tight(film: np.ndarray) -> np.ndarray:
    lungs = finder_of(None).find(film)
    if not lungs.found:
        return _cut(film, TIGHT)
    box, (height, width) = lungs.box, film.shape
    x, y = TIGHT * (box.right - box.left), TIGHT * (box.bottom - box.top)
    rows = slice(max(0, int((box.top - y) * height)), int(np.ceil((box.bottom + y) * height)))
    columns = slice(max(0, int((box.left - x) * width)), int(np.ceil((box.right + x) * width)))
    return film[rows, columns]


def _without_corners(film: np.ndarray, share: float) -> np.ndarray:
    hidden = film.copy()
    y, x = (round(share * side) for side in film.shape)
    for rows in (slice(0, y), slice(-y, None)):
        for columns in (slice(0, x), slice(-x, None)):
            hidden[rows, columns] = 0
    return hidden


def _scaled(film: np.ndarray, across: float, down: float) -> Image.Image:
    height, width = film.shape
    size = (round(across * width), round(down * height))
    return _picture(film).resize(size, Image.Resampling.BICUBIC)


def _picture(film: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(film, 0, 1) * 255).astype(np.uint8))


def _saved(picture: Image.Image, form: str, **options: int) -> bytes:
    written = io.BytesIO()
    picture.save(written, form, **options)
    return written.getvalue()
