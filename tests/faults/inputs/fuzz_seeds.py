"""Good files of every kind, small: what the mutations start from."""

from pathlib import Path

import data_store
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from tests.faults.inputs.crafted_dicom import compressed, float_file, j2k
from tests.faults.inputs.hostile_archives import damaged, lies, locked, packed, paths
from tests.support.formats import GREY, PICTURES
from tests.support.pictures import dicom_bytes, encoded, ramp

MAX_BYTES = 60_000


def image_seeds() -> list[bytes]:
    return [*PICTURES.values(), *_rasters(), *dicom_seeds()]


def dicom_seeds() -> list[bytes]:
    return [*_dicoms(), *_real_dicoms()]


def zip_seeds() -> list[bytes]:
    small = encoded(GREY)
    catalogue = [*damaged(small), *lies(small), *locked(small), *paths(small)]
    plain = packed({"a.png": small, "b/c.png": small, "d.txt": b"hello"})
    return [plain, *(entry.content for entry in catalogue if len(entry.content) < MAX_BYTES)]


def _rasters() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    compressions = ("packbits", "tiff_adobe_deflate", "tiff_lzw", "jpeg")
    more = {"save_all": True, "append_images": [GREY]}
    return [
        *(encoded(GREY, "TIFF", compression=how) for how in compressions),
        encoded(GREY.convert("1"), "TIFF", compression="group4"),
        encoded(GREY.convert("CMYK"), "TIFF", compression="tiff_lzw"),
        encoded(GREY.convert("RGB"), "JPEG", exif=exif, quality=60, progressive=True),
        encoded(GREY.convert("RGBA"), "WEBP", exif=exif),
        encoded(GREY, "PNG", **more),
        encoded(GREY.convert("RGB"), "WEBP", **more),
        encoded(GREY, "TIFF", **more),
    ]


def _dicoms() -> list[bytes]:
    deep = ramp(4096, np.uint16)
    photo = encoded(GREY, "JPEG")
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 16]
    table.LUTData = np.arange(4096, dtype=np.uint16).tobytes()
    scaled = {"RescaleSlope": 2, "RescaleIntercept": -1000}
    return [
        dicom_bytes(deep, WindowCenter=2048, WindowWidth=2048, **scaled),
        dicom_bytes(deep, photometric="MONOCHROME1", PixelPaddingValue=0),
        dicom_bytes(deep, VOILUTSequence=[table]),
        dicom_bytes(deep, syntax=ImplicitVRLittleEndian, preamble=False),
        dicom_bytes(deep, syntax=ExplicitVRBigEndian),
        dicom_bytes(deep, syntax=RLELossless),
        compressed(ramp(), JPEG2000Lossless, j2k(ramp())),
        compressed(deep, JPEG2000Lossless, j2k(deep)),
        compressed(ramp(), JPEGBaseline8Bit, photo),
        float_file(ramp().astype(np.float32)),
    ]


def _real_dicoms() -> list[bytes]:
    """Files of scanners, as if they were radiographs: with other modalities none is decoded."""
    folder = Path(data_store.__file__).parent / "data"
    found = []
    for file in sorted(folder.glob("*.dcm")):
        if file.stat().st_size < MAX_BYTES:
            content = file.read_bytes()
            for modality in (b"CT", b"MR", b"NM", b"US", b"OT"):
                content = content.replace(b"CS\x02\x00" + modality, b"CS\x02\x00CR")
            found.append(content)
    return found
