"""Files that are damaged, hostile or no pictures: each gets a result, and nothing else happens."""

import io
import subprocess
import sys
import zipfile
import zlib

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
from model.reading.radiograph import decode
from tests.support.formats import GREY, PICTURES
from tests.support.pictures import encoded

# Here warnings are expected; that none leaks has a test of its own.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


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
    "too large": (encoded(Image.new("1", (10_000, 8_001))), ImageTooLarge, "the 80 million"),
    "bomb": (bomb(), ImageTooLarge, "pixels"),
    "only NaN": (all_nan(), UnreadableImage, "no valid pixel"),
    "JPEG start": (b"\xff\xd8\xff\xe0", UnreadableImage, "JPEG"),
    "PNG start": (b"\x89PNG\r\n\x1a\n", UnreadableImage, "PNG"),
    "TIFF start": (b"II*\x00\xff\xff\xff\xff", UnreadableImage, "TIFF"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files_get_a_result_of_their_own(name):
    data, error, words = WRONG[name]

    with pytest.raises(error) as caught:
        decode(data)
    assert words in caught.value.message
    assert caught.value.message.endswith(".")
    assert "Error" not in caught.value.message
    if error is UnsupportedFormat and "pages" not in words:
        assert "JPEG, PNG, WEBP, TIFF or DICOM" in caught.value.message


@pytest.mark.parametrize("name", PICTURES)
def test_a_third_of_a_file_is_unreadable(name):
    data = PICTURES[name]

    with pytest.raises(UnreadableImage):
        decode(data[: len(data) // 3])


@pytest.mark.parametrize("name", PICTURES)
def test_damage_never_raises_anything_but_a_result(name):
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


@pytest.mark.slow
def test_nothing_is_written_to_the_terminal(tmp_path):
    """Warnings of Pillow, pydicom and libtiff would fill a worker's log."""
    damaged = {name: data[: len(data) // 2] for name, data in PICTURES.items()}
    for number, data in enumerate([*PICTURES.values(), *damaged.values(), bomb()]):
        (tmp_path / f"{number}").write_bytes(data)
    program = (
        "import sys, pathlib\n"
        "from model.reading.radiograph import decode\n"
        "from model.errors import Rejection\n"
        "for file in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try: decode(file)\n"
        "    except Rejection: continue\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert done.stdout + done.stderr == ""
