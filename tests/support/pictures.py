"""Pictures and DICOM files that the tests make themselves."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

WIDTH, HEIGHT = 120, 90


def ramp(levels: int = 256, dtype: type = np.uint8) -> np.ndarray:
    """(HEIGHT, WIDTH): dark at the left, bright at the right, a black mark in the top left."""
    row = np.linspace(0, levels - 1, WIDTH)
    picture = np.tile(row, (HEIGHT, 1)).astype(dtype)
    picture[:20, WIDTH - 20 :] = 0
    return picture


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def png_of(pixels: np.ndarray) -> bytes:
    """(H, W) float 0..1 as an 8-bit PNG."""
    return encoded(Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8)))


def dicom_bytes(
    pixels: np.ndarray,
    *,
    photometric: str = "MONOCHROME2",
    syntax: str = ExplicitVRLittleEndian,
    preamble: bool = True,
    **elements: object,
) -> bytes:
    """A computed radiograph that holds (H, W) uint8 or uint16; `elements` are added by keyword."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = (
        ExplicitVRLittleEndian if syntax == RLELossless else syntax
    )
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.PatientName = "Secret^Person"
    dataset.Modality = "CR"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored = dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 0
    dataset.PixelData = pixels.tobytes()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    data = file.getvalue()
    return data if preamble else _dataset_only(data)


def nested_item(depth: int) -> Dataset:
    """An item in an item in an item."""
    item = Dataset()
    item.CodeMeaning = "innermost"
    for _ in range(depth):
        outer = Dataset()
        outer.AnatomicRegionSequence = [item]
        item = outer
    return item


def _dataset_only(data: bytes) -> bytes:
    """Without preamble and file meta information, as archives of the nineties wrote it."""
    group_length = int.from_bytes(data[140:144], "little")
    return data[144 + group_length :]


def text_page(lines: int = 30) -> np.ndarray:
    page = Image.new("L", (480, 620), 255)
    draw = ImageDraw.Draw(page)
    for line in range(lines):
        words = f"{line}. The patient was seen in the clinic and sent home with a letter. " * 2
        draw.text((30, 20 + line * 19), words[:68], fill=0)
    return _floats(page)


def bar_chart() -> np.ndarray:
    chart = Image.new("L", (400, 300), 255)
    draw = ImageDraw.Draw(chart)
    for bar in range(8):
        draw.rectangle((30 + bar * 45, 280 - bar * 30, 60 + bar * 45, 280), fill=bar * 25)
    return _floats(chart)


def limb() -> np.ndarray:
    """Two long bones in soft tissue, with a joint."""
    canvas = Image.new("L", (300, 420), 0)
    draw = ImageDraw.Draw(canvas)
    draw.polygon([(80, 0), (220, 0), (200, 420), (100, 420)], fill=90)
    draw.line([(150, 0), (150, 200)], fill=220, width=45)
    draw.line([(140, 220), (140, 420)], fill=220, width=34)
    draw.ellipse((110, 170, 190, 215), fill=230)
    draw.ellipse((105, 218, 185, 255), fill=230)
    return _floats(canvas.filter(ImageFilter.GaussianBlur(3)))


def head_slice() -> np.ndarray:
    canvas = Image.new("L", (256, 256), 0)
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((40, 20, 216, 236), fill=255)
    draw.ellipse((50, 30, 206, 226), fill=110)
    draw.ellipse((95, 90, 125, 150), fill=50)
    draw.ellipse((131, 90, 161, 150), fill=50)
    return _floats(canvas.filter(ImageFilter.GaussianBlur(1)))


def landscape() -> np.ndarray:
    """Sky, hills and a house: what a grey photograph has."""
    random = np.random.default_rng(7)
    y, x = np.mgrid[0:300, 0:400]
    picture = 0.9 - 0.3 * y / 300
    hills = 170 + 30 * np.sin(x / 40) + 12 * np.sin(x / 13)
    picture = np.where(y > hills, 0.35 + 0.1 * random.random((300, 400)), picture)
    picture[180:260, 250:340] = 0.75
    picture[200:225, 265:285] = 0.1
    return picture.astype(np.float32)


def noise() -> np.ndarray:
    return np.random.default_rng(3).random((256, 256)).astype(np.float32)


def gradient() -> np.ndarray:
    return np.tile(np.linspace(0, 1, 300, dtype=np.float32), (300, 1))


def checks() -> np.ndarray:
    y, x = np.mgrid[0:256, 0:256] // 32
    return ((x + y) % 2).astype(np.float32)


NOT_CHESTS = {
    maker.__name__: maker
    for maker in (text_page, bar_chart, limb, head_slice, landscape, noise, gradient, checks)
}


def _floats(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, dtype=np.float32) / 255
