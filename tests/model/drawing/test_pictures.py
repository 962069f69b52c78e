import io

import numpy as np
import pytest
from PIL import Image

from model.drawing.pictures import SMALL_MAX_SIDE, grey, small_jpeg
from model.reading.radiograph import Radiograph


def radiograph(width: int, height: int, reduced: int = 1) -> Radiograph:
    pixels = np.random.default_rng(0).random((height // reduced, width // reduced), np.float32)
    return Radiograph(pixels, width, height, 0.0, "PNG")


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (2000, 1000, (1024, 512)),
        (1000, 2000, (512, 1024)),
        (300, 200, (300, 200)),
        (1023, 1025, (1022, 1024)),
    ],
)
@pytest.mark.parametrize("reduced", [1, 2])
def test_proportions_are_kept_and_nothing_is_enlarged(width, height, expected, reduced):
    assert grey(radiograph(width, height, reduced), max_side=1024).size == expected


def test_a_pale_picture_is_stretched_for_viewing():
    pale = Radiograph(radiograph(200, 200).pixels * 0.1 + 0.5, 200, 200, 0.0, "DICOM")
    assert grey(pale, 200).getextrema() == (0, 255)


@pytest.mark.parametrize(("width", "height", "reduced"), [(3000, 2400, 4), (300, 200, 1)])
def test_the_small_picture_has_the_size_that_was_decoded(width, height, reduced):
    with Image.open(io.BytesIO(small_jpeg(radiograph(width, height, reduced)))) as picture:
        assert (picture.format, picture.mode) == ("JPEG", "L")
        assert picture.size == (width // reduced, height // reduced)


def test_the_small_picture_is_never_large():
    with Image.open(io.BytesIO(small_jpeg(radiograph(3000, 2000)))) as picture:
        assert max(picture.size) == SMALL_MAX_SIDE
