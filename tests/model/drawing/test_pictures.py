import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from model.drawing.pictures import SMALL_MAX_SIDE, film_png, grey, small_jpeg
from model.reading.radiograph import Radiograph, decode
from tests.support.pictures import dicom_bytes, ramp


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


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("levels", "dtype"), [(4096, np.uint16), (256, np.uint8)])
@pytest.mark.parametrize("at_least", [None, 100])
def test_a_film_is_read_back_as_the_file_that_it_was_made_of(photometric, levels, dtype, at_least):
    """What readers' films are exported as must be to the network what their files were."""
    stored = np.kron(ramp(levels, dtype), np.ones((4, 4), dtype))
    window = {"WindowCenter": levels * 3 // 8, "WindowWidth": levels // 2}
    file = dicom_bytes(stored, photometric=photometric, **window)
    film = film_png(decode(file, whole_range=True))
    wanted = decode(file, at_least=at_least).pixels
    assert np.abs(decode(film, at_least=at_least).pixels - wanted).max() < 0.015
    whole = decode(film, whole_range=True)
    assert whole.window == pytest.approx(decode(file, whole_range=True).window, abs=1e-6)
    assert np.ptp(whole.pixels) > np.ptp(whole.window) + 0.3


@pytest.mark.parametrize("text", ["", "a b", "0.2", "0.8 0.2", "-1 0.5", "nan 1", "0.1 0.2 0.3"])
def test_a_window_that_is_none_changes_nothing(text):
    out = io.BytesIO()
    notes = PngInfo()
    notes.add_text("file_window", text)
    picture = Image.fromarray(ramp(65_536, np.uint16))
    picture.save(out, "PNG", pnginfo=notes)
    np.testing.assert_allclose(decode(out.getvalue()).pixels, ramp(65_536, np.uint16) / 65_535)
