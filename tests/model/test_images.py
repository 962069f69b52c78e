import io
import subprocess
import sys
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from model.errors import (
    ImageTooLarge,
    ImageTooSmall,
    ModelError,
    Rejection,
    UnreadableImage,
    UnsupportedFormat,
)
from model.images import MAX_PIXELS, decode
from tests.model.pictures import HEIGHT, WIDTH, dicom_bytes, encoded, ramp

# Here warnings are expected; that none leaks has a test of its own.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

GREY = Image.fromarray(ramp())
RIGHT, LEFT = (60, 90), (60, 5)  # places in the ramp: bright, dark


def with_alpha(mode: str, opaque: bool) -> Image.Image:
    picture = GREY.convert(mode)
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    if not opaque:
        alpha[:, WIDTH // 2 :] = 0
    picture.putalpha(Image.fromarray(alpha))
    return picture


PICTURES = {
    "grey PNG": encoded(GREY),
    "RGB PNG": encoded(GREY.convert("RGB")),
    "RGBA PNG": encoded(with_alpha("RGBA", opaque=True)),
    "LA PNG": encoded(with_alpha("LA", opaque=True)),
    "palette PNG": encoded(GREY.convert("P")),
    "16-bit PNG": encoded(Image.fromarray(ramp(65536, np.uint16))),
    "12 bits in a 16-bit PNG": encoded(Image.fromarray(ramp(4096, np.uint16))),
    "grey JPEG": encoded(GREY, "JPEG", quality=95),
    "RGB JPEG": encoded(GREY.convert("RGB"), "JPEG", quality=95),
    "CMYK JPEG": encoded(GREY.convert("CMYK"), "JPEG", quality=95),
    "progressive JPEG": encoded(GREY, "JPEG", quality=95, progressive=True),
    "two in one JPEG": encoded(GREY, "MPO", save_all=True, append_images=[GREY], quality=95),
    "lossless WEBP": encoded(GREY.convert("RGB"), "WEBP", lossless=True),
    "lossy WEBP": encoded(GREY.convert("RGB"), "WEBP", quality=95),
    "grey TIFF": encoded(GREY, "TIFF"),
    "LZW TIFF": encoded(GREY, "TIFF", compression="tiff_lzw"),
    "16-bit TIFF": encoded(Image.fromarray(ramp(65536, np.uint16)), "TIFF"),
    "float TIFF": encoded(Image.fromarray(ramp(256, np.float32) * 10 - 500), "TIFF"),
    "32-bit TIFF": encoded(Image.fromarray(ramp(4096, np.int32)), "TIFF"),
    "DICOM": dicom_bytes(ramp()),
}


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


def test_a_draft_keeps_the_size_of_the_file_for_pictures_on_their_side():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(GREY.resize((1600, 1200)), "JPEG", exif=exif)
    radiograph = decode(data, at_least=300)

    assert (radiograph.width, radiograph.height) == (1200, 1600)
    assert radiograph.pixels.shape[0] > radiograph.pixels.shape[1]


def test_colour_is_told_from_a_tint():
    random = np.random.default_rng(0)
    blocks = random.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    colourful = Image.fromarray(blocks).resize((200, 200))
    tint = Image.merge("RGB", [GREY.point(lambda v, k=k: int(v * k)) for k in (0.7, 0.85, 1.0)])

    assert decode(encoded(colourful)).colourfulness > 0.1
    assert decode(encoded(colourful, "JPEG")).colourfulness > 0.1
    assert decode(encoded(tint)).colourfulness < 0.01


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "hello")
    return file.getvalue()


def two_pages() -> bytes:
    return encoded(GREY, "TIFF", save_all=True, append_images=[GREY])


def all_nan() -> bytes:
    return encoded(Image.fromarray(np.full((80, 80), np.nan, np.float32)), "TIFF")


def bomb() -> bytes:
    """A PNG of 100,000 x 100,000 pixels, in a few bytes."""
    png = bytearray(encoded(Image.new("1", (64, 64))))
    png[16:24] = (100_000).to_bytes(4, "big") * 2
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    return bytes(png)


WRONG = {
    "empty": (b"", UnreadableImage, "empty"),
    "text": (b"Dear colleague, please find enclosed", UnsupportedFormat, "text file"),
    "web page": (b"\n<!DOCTYPE html><html>", UnsupportedFormat, "web page"),
    "PDF": (b"%PDF-1.7\n...", UnsupportedFormat, "PDF"),
    "zip": (zipped(), UnsupportedFormat, "zip"),
    "GIF": (encoded(GREY, "GIF"), UnsupportedFormat, "GIF"),
    "BMP": (encoded(GREY, "BMP"), UnsupportedFormat, "BMP"),
    "HEIC": (b"\x00\x00\x00\x18ftypheic" + bytes(40), UnsupportedFormat, "HEIC"),
    "bytes": (bytes(range(1, 256)) * 4, UnsupportedFormat, "not known"),
    "two pages": (two_pages(), UnsupportedFormat, "2 pages"),
    "too small": (encoded(GREY.resize((63, 500))), ImageTooSmall, "63 x 500"),
    "one pixel": (encoded(GREY.resize((1, 1)), "JPEG"), ImageTooSmall, "1 x 1"),
    "too large": (encoded(Image.new("1", (10_000, 8_001))), ImageTooLarge, "10000 x 8001"),
    "bomb": (bomb(), ImageTooLarge, "pixels"),
    "only NaN": (all_nan(), UnreadableImage, "no valid pixel"),
    "JPEG start": (b"\xff\xd8\xff\xe0", UnreadableImage, "JPEG"),
    "PNG start": (b"\x89PNG\r\n\x1a\n", UnreadableImage, "PNG"),
    "TIFF start": (b"II*\x00\xff\xff\xff\xff", UnreadableImage, "TIFF"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files_get_a_verdict_of_their_own(name):
    data, error, words = WRONG[name]

    with pytest.raises(error) as caught:
        decode(data)
    assert words in caught.value.message
    assert caught.value.message.endswith(".")
    assert "Error" not in caught.value.message
    if error is UnsupportedFormat and "pages" not in words:
        assert "JPEG, PNG, WEBP, TIFF or DICOM" in caught.value.message


def test_the_limit_is_what_the_message_says():
    assert MAX_PIXELS == 80_000_000


@pytest.mark.parametrize("name", PICTURES)
def test_a_third_of_a_file_is_unreadable(name):
    data = PICTURES[name]

    with pytest.raises(UnreadableImage):
        decode(data[: len(data) // 3])


@pytest.mark.parametrize("name", PICTURES)
def test_damage_never_raises_anything_but_a_verdict(name):
    random = np.random.default_rng(len(name))
    messages = []
    for _ in range(40):
        data = np.frombuffer(PICTURES[name], np.uint8).copy()
        places = random.integers(4, len(data), 8)
        data[places] = random.integers(0, 256, 8)
        try:
            decode(data.tobytes(), at_least=64)
        except Rejection as rejection:
            messages.append(rejection.message)

    assert all(messages)


def test_the_name_of_a_file_means_nothing(tmp_path):
    file = tmp_path / "photo.gif"
    file.write_bytes(PICTURES["grey JPEG"])

    assert decode(file).format == "JPEG"


def test_a_missing_file_is_the_callers_business(tmp_path):
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "none.png")


def test_no_message_names_the_file(tmp_path):
    for name, (data, _, _) in WRONG.items():
        file = tmp_path / "Smith_John_1950.png"
        file.write_bytes(data)
        with pytest.raises(ModelError) as caught:
            decode(file)
        assert "Smith" not in str(caught.value), name


def test_nothing_is_written_to_the_terminal(tmp_path):
    """Warnings of Pillow, pydicom and libtiff would fill a worker's log."""
    damaged = {name: data[: len(data) // 2] for name, data in PICTURES.items()}
    for number, data in enumerate([*PICTURES.values(), *damaged.values(), bomb()]):
        (tmp_path / f"{number}").write_bytes(data)
    program = (
        "import sys, pathlib\n"
        "from model.images import decode\n"
        "from model.errors import Rejection\n"
        "for file in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try: decode(file)\n"
        "    except Rejection: continue\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert done.stdout + done.stderr == ""


def test_many_threads_at_once():
    kinds = list(PICTURES.values()) * 4
    alone = [decode(data).pixels for data in kinds]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: decode(data).pixels, kinds))

    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
