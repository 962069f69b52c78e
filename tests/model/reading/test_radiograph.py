"""Every kind of file gives the picture that it holds."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from model.reading.radiograph import decode
from tests.support.formats import GREY, PICTURES, with_alpha
from tests.support.pictures import HEIGHT, WIDTH, dicom_bytes, encoded, ramp

# Here warnings are expected; that none leaks has a test of its own.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

RIGHT, LEFT = (60, 90), (60, 5)  # places in the ramp: bright, dark


@pytest.mark.parametrize("name", PICTURES)
def test_each_kind_of_file_gives_the_same_picture(name):
    radiograph = decode(PICTURES[name])

    assert radiograph.pixels.dtype == np.float32
    assert radiograph.pixels.shape == (HEIGHT, WIDTH)
    assert (radiograph.width, radiograph.height) == (WIDTH, HEIGHT)
    assert radiograph.pixels.min() >= 0
    assert radiograph.pixels.max() <= 1
    assert radiograph.colourfulness < 0.005
    assert name.split()[-1] == radiograph.format
    np.testing.assert_allclose(radiograph.pixels[60], np.linspace(0, 1, WIDTH), atol=0.03)
    assert radiograph.pixels[8, WIDTH - 8] < 0.1


def test_golden_pixels():
    pixels = decode(encoded(GREY)).pixels

    np.testing.assert_array_equal(pixels, ramp() / np.float32(255))


def test_one_bit_is_black_and_white():
    pixels = decode(encoded(GREY.convert("1"))).pixels

    assert set(np.unique(pixels)) == {0.0, 1.0}


def test_what_is_transparent_is_black():
    pixels = decode(encoded(with_alpha("RGBA", opaque=False))).pixels

    assert pixels[60, WIDTH // 2 - 1] > 0.4
    assert pixels[:, WIDTH // 2 :].max() == 0


def test_an_alpha_channel_of_zeros_hides_nothing():
    picture = GREY.convert("RGBA")
    picture.putalpha(0)

    assert decode(encoded(picture)).pixels[RIGHT] > 0.7


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_white_is_zero_tiff_is_turned(depth):
    levels = np.iinfo(depth).max
    stored = Image.fromarray((levels - ramp(levels + 1, depth).astype(np.int64)).astype(depth))
    data = encoded(stored, "TIFF", tiffinfo={262: 0})
    if depth is np.uint8:  # Pillow writes the tag, and the samples as they are
        data = encoded(stored, "TIFF").replace(
            b"\x06\x01\x03\x00\x01\x00\x00\x00\x01", b"\x06\x01\x03\x00\x01\x00\x00\x00\x00"
        )

    assert decode(data).pixels[RIGHT] > decode(data).pixels[LEFT]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_undone(orientation, kind):
    inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = GREY
    if orientation > 1:
        stored = GREY.transpose(Image.Transpose(inverse[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    radiograph = decode(encoded(stored.convert("RGB"), kind, exif=exif))

    assert (radiograph.width, radiograph.height) == (WIDTH, HEIGHT)
    assert radiograph.pixels.shape == (HEIGHT, WIDTH)
    assert radiograph.pixels[RIGHT] > 0.7
    assert radiograph.pixels[LEFT] < 0.1
    assert radiograph.pixels[8, WIDTH - 8] < 0.1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "DICOM"])
def test_large_pictures_come_reduced_but_not_too_small(kind):
    large = GREY.resize((1600, 1200))
    data = dicom_bytes(np.asarray(large)) if kind == "DICOM" else encoded(large, kind)
    radiograph = decode(data, at_least=300)

    assert (radiograph.width, radiograph.height) == (1600, 1200)
    assert 300 <= min(radiograph.pixels.shape) < 600
    assert radiograph.pixels.max() <= 1
    whole = decode(data).pixels
    assert whole.shape == (1200, 1600)
    small = Image.fromarray(whole).resize(radiograph.pixels.shape[::-1], Image.Resampling.BOX)
    assert np.abs(np.asarray(small) - radiograph.pixels).mean() < 0.005


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_every_mode_comes_reduced_as_the_whole_would(mode):
    """A large picture is reduced in bands, which must not show."""
    large = GREY.resize((1603, 1201))
    if mode in ("I;16", "F"):
        kind = {"I;16": np.uint16, "F": np.float32}[mode]
        picture = Image.fromarray(np.asarray(large).astype(kind) * 100)
    else:
        picture = large.convert("L").convert(mode)
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    data = encoded(picture, "TIFF" if mode in ("CMYK", "F") else "PNG")
    whole, reduced = decode(data).pixels, decode(data, at_least=300).pixels
    small = np.asarray(Image.fromarray(whole).reduce(4))

    assert reduced.shape == small.shape
    assert np.abs(reduced - small).max() < 0.02


def test_a_draft_keeps_the_size_of_the_file_for_pictures_on_their_side():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(GREY.resize((1600, 1200)), "JPEG", exif=exif)
    radiograph = decode(data, at_least=300)

    assert (radiograph.width, radiograph.height) == (1200, 1600)
    assert radiograph.pixels.shape[0] > radiograph.pixels.shape[1]


def test_a_jpeg_whose_components_are_named_r_g_b():
    data = encoded(GREY.convert("RGB"), "JPEG", quality=95, keep_rgb=True)
    adobe = data.index(b"\xff\xee")
    nameless = data[:adobe] + data[adobe + 2 + int.from_bytes(data[adobe + 2 : adobe + 4]) :]

    assert b"Adobe" not in nameless
    np.testing.assert_array_equal(decode(nameless).pixels, decode(data).pixels)


def test_colour_is_told_from_a_tint():
    random = np.random.default_rng(0)
    blocks = random.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    colourful = Image.fromarray(blocks).resize((200, 200))
    tint = Image.merge("RGB", [GREY.point(lambda v, k=k: int(v * k)) for k in (0.7, 0.85, 1.0)])

    assert decode(encoded(colourful)).colourfulness > 0.1
    assert decode(encoded(colourful, "JPEG")).colourfulness > 0.1
    assert decode(encoded(tint)).colourfulness < 0.01


def test_many_threads_at_once():
    kinds = list(PICTURES.values()) * 4
    alone = [decode(data).pixels for data in kinds]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: decode(data).pixels, kinds))

    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
