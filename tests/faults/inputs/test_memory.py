"""Large pictures are decoded with little more memory than their pixels take."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEGBaseline8Bit

from model.errors import UnreadableImage
from model.reading.radiograph import decode
from tests.faults.inputs.crafted_dicom import compressed
from tests.faults.inputs.crafted_images import png, zeros
from tests.support.pictures import dicom_bytes, encoded

WIDTH, HEIGHT = 5_000, 4_000  # what a large detector gives
SLACK_MB = 40
# (depth, colour type) of a PNG, and what Pillow keeps of a pixel.
PNGS = {
    "grey": (8, 0, 1, 1),
    "16-bit": (16, 0, 2, 2),
    "RGB": (8, 2, 3, 4),
    "LA": (8, 4, 2, 4),
    "RGBA": (8, 6, 4, 4),
}


def resident_mb(what: str) -> float:
    return int(re.search(rf"{what}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1000


def growth_mb(data: bytes) -> float:
    """By how much this process grows, at most, while it decodes."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = resident_mb("VmRSS")
    assert decode(data, at_least=300).pixels.shape == (308, 385)
    return resident_mb("VmHWM") - before


@pytest.mark.parametrize("name", PNGS)
def test_png(name):
    depth, colour, stored, kept = PNGS[name]
    data = png(WIDTH, HEIGHT, zeros((WIDTH * stored + 1) * HEIGHT), depth, colour)
    assert growth_mb(data) < WIDTH * HEIGHT * kept / 1e6 + SLACK_MB


def test_float_tiff():
    picture = Image.fromarray(np.zeros((HEIGHT, WIDTH), np.float32))
    data = encoded(picture, "TIFF", compression="tiff_adobe_deflate")
    assert growth_mb(data) < WIDTH * HEIGHT * 4 / 1e6 + SLACK_MB


@pytest.mark.parametrize("elements", [{}, {"WindowCenter": 2, "WindowWidth": 3}])
def test_dicom(elements):
    data = dicom_bytes(np.eye(HEIGHT, WIDTH, dtype=np.uint16), **elements)
    copies = 3  # of 2 bytes a pixel: the element, the array, and what pydicom makes on its way
    assert growth_mb(data) < copies * WIDTH * HEIGHT * 2 / 1e6 + SLACK_MB


@pytest.fixture
def unlogged() -> Iterator[None]:
    """pytest keeps log records, and with them what the frames of an error hold."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("unlogged")
def test_damaged_files_leave_nothing_behind():
    """A decoder that keeps the memory of what it gave up on would end a worker in a bad job."""
    random = np.random.default_rng(0)
    grain = random.integers(0, 255, (200, 200), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(grain).resize((3_000, 3_000)))
    photo = bytearray(encoded(Image.fromarray(pixels), "JPEG"))
    middle = len(photo) // 2
    photo[middle : middle + 2_000] = random.bytes(2_000)
    data = compressed(pixels, JPEGBaseline8Bit, bytes(photo))
    before = resident_mb("VmRSS")
    for _ in range(12):
        with pytest.raises(UnreadableImage):
            decode(data, at_least=300)
    assert resident_mb("VmRSS") - before < 60
