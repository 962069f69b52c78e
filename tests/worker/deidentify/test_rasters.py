"""What JPEG, PNG, WEBP and TIFF files lose: all that is not their picture, whose data stays."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from worker.deidentify.parts import MAX_PARTS
from worker.deidentify.rasters import without_metadata

SECRET = b"Secret"
ORIENTATION = 0x0112


def exif(orientation: int) -> Image.Exif:
    """Owner, comment, place and day of a photograph."""
    said = Image.Exif()
    said[ORIENTATION], said[270], said[315] = orientation, "Secret comment", "Secret owner"
    place = said.get_ifd(0x8825)
    place[1], place[2], place[29] = "N", (47.0, 22.0, 33.0), "2020:Secret"
    return said


def film(mode: str = "L") -> Image.Image:
    shape = (60, 80) if mode == "L" else (60, 80, len(mode))
    levels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(levels)


def jpeg(orientation: int, mode: str, **options) -> bytes:
    said = {"xmp": b"<x>Secret</x>", "comment": SECRET, "icc_profile": b"Secret" * 50}
    return saved(film(mode), "JPEG", exif=exif(orientation), **said, **options)


def progressive(orientation: int, mode: str) -> bytes:
    return jpeg(orientation, mode, progressive=True, quality=90)


def png(orientation: int, mode: str) -> bytes:
    said = PngImagePlugin.PngInfo()
    said.add_text("Author", "Secret")
    said.add_text("Comment", "Secret", zip=True)
    said.add_itxt("Title", "Secret")
    said.add(b"prIv", SECRET)
    return saved(film(mode), "PNG", exif=exif(orientation), pnginfo=said)


def webp(orientation: int, mode: str) -> bytes:
    said = exif(orientation).tobytes()
    return saved(film(mode), "WEBP", exif=said, xmp=SECRET, icc_profile=SECRET, lossless=True)


def tiff(orientation: int, mode: str) -> bytes:
    return saved(film(mode), "TIFF", exif=exif(orientation), compression="tiff_lzw")


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue() + b"Secret that follows"


KINDS = {"JPEG": jpeg, "PNG": png, "WEBP": webp, "TIFF": tiff}


def shown(data: bytes) -> tuple[np.ndarray, int]:
    """The pixels, and which side is up."""
    with Image.open(io.BytesIO(data)) as picture:
        orientation = picture.getexif().get(ORIENTATION, 1)
        return np.asarray(picture), orientation


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(
    ("make", "kind"), [*((make, kind) for kind, make in KINDS.items()), (progressive, "JPEG")]
)
def test_only_the_picture_and_which_side_is_up_stay(make, kind, orientation, mode):
    given = make(orientation, mode)
    assert SECRET in given
    content, removed = without_metadata(given, kind)
    assert removed
    assert SECRET not in content
    pixels, up = shown(content)
    assert up == orientation
    assert np.array_equal(pixels, shown(given)[0])
    with Image.open(io.BytesIO(content)) as picture:
        said = set(picture.getexif()) if kind != "TIFF" else set()
        assert said <= {ORIENTATION}
        assert not set(picture.info) & {"comment", "xmp", "icc_profile", "Author", "Title"}
    assert without_metadata(content, kind) == (content, ()), "once is enough"


def test_what_was_removed_has_a_name():
    assert without_metadata(jpeg(1, "L"), "JPEG")[1] == (
        *("EXIF", "ICC", "XMP", "comment", "data after the picture"),
    )
    assert set(without_metadata(png(1, "L"), "PNG")[1]) == {
        *("eXIf", "iTXt", "tEXt", "zTXt", "unknown chunk", "data after the picture"),
    }
    assert set(without_metadata(tiff(1, "L"), "TIFF")[1]) >= {"Artist", "ImageDescription"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_without_anything_comes_back_as_it_is(kind):
    file = io.BytesIO()
    film().save(file, kind)
    clean = without_metadata(file.getvalue(), kind)[0]
    assert without_metadata(clean, kind) == (clean, ())
    if kind != "TIFF":  # whose directory is written anew
        assert clean == file.getvalue()


def test_a_thumbnail_in_the_header_of_a_jpeg_goes():
    given = saved(film(), "JPEG")
    head = b"JFIF\0\1\1\0\0\1\0\1" + bytes([2, 2]) + b"Secret thumb"
    with_thumbnail = b"\xff\xd8\xff\xe0" + struct.pack(">H", len(head) + 2) + head + given[20:]
    content, removed = without_metadata(with_thumbnail, "JPEG")
    assert "thumbnail" in removed
    assert SECRET not in content
    assert np.array_equal(shown(content)[0], shown(given)[0])


def test_sixteen_bits_in_tiles_of_a_big_tiff_stay():
    levels = np.random.default_rng(1).integers(0, 4096, (64, 96), dtype=np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(
        file, levels, bigtiff=True, tile=(16, 16), description="Secret", compression="zlib"
    )
    content, removed = without_metadata(file.getvalue(), "TIFF")
    assert "ImageDescription" in removed
    assert SECRET not in content
    assert np.array_equal(tifffile.imread(io.BytesIO(content)), levels)


def with_comments(stream: bytes) -> bytes:
    """A JPEG stream that says more than its picture."""
    said = b"".join(
        marker + struct.pack(">H", len(words) + 2) + words
        for marker, words in ((b"\xff\xfe", b"Secret name"), (b"\xff\xe1", b"Exif\0\0Secret place"))
    )
    return stream[:2] + said + stream[2:] + b"Secret that follows"


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("tables", [False, True])
def test_jpeg_in_the_strips_of_a_tiff_keeps_its_picture_only(tables, bigtiff):
    """tables: with quantization and Huffman tables once for all strips, as scanners write them."""
    given = io.BytesIO()
    if tables:
        film().resize((640, 480)).save(given, "TIFF", compression="jpeg", big_tiff=bigtiff)
    else:
        levels = np.asarray(film().resize((640, 480)))
        tifffile.imwrite(given, levels, compression="jpeg", rowsperstrip=64, bigtiff=bigtiff)
    told = retold(given.getvalue(), with_comments)
    assert told.count(SECRET) >= 3
    content, removed = without_metadata(told, "TIFF")
    assert SECRET not in content
    assert {"comment", "EXIF", "data after the picture"} <= set(removed)
    assert np.array_equal(shown(content)[0], shown(given.getvalue())[0])
    assert without_metadata(content, "TIFF") == (content, ())


def retold(data: bytes, change) -> bytes:
    """A TIFF file with each JPEG stream in it changed, tables too, at the end of the file."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        streams = [
            data[at : at + n] for at, n in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]
        order, numbers = file.byteorder, {3: "H", 4: "I", 16: "Q"}
        width = file.tiff.tagoffsetthreshold
        tags = {code: page.tags[code] for code in (273, 279, 347) if code in page.tags}
        written = bytearray(data)
        values = {273: [], 279: []}
        for stream in map(change, streams):
            values[273].append(len(written))
            values[279].append(len(stream))
            written += stream
        for code, tag in tags.items():
            if code == 347:
                told = change(tag.value)
                struct.pack_into(order + "IQ"[width == 8], written, tag.offset + 4, len(told))
            else:
                told = struct.pack(f"{order}{len(streams)}{numbers[tag.dtype]}", *values[code])
            place = tag.offset + 4 + width
            if len(told) > width:
                struct.pack_into(order + "IQ"[width == 8], written, place, len(written))
                written += told
            else:
                written[place : place + len(told)] = told
    return bytes(written)


def test_a_tiff_of_an_unknown_compression_is_refused():
    given = bytearray(tiff(1, "L"))
    at = given.index(struct.pack("<HHIH", 259, 3, 1, 5))
    struct.pack_into("<H", given, at + 8, 34712)  # JPEG 2000, which has room for words
    with pytest.raises(ValueError, match="unknown compression"):
        without_metadata(bytes(given), "TIFF")


def broken_chunk(kind: bytes) -> bytes:
    content = kind + SECRET
    return struct.pack(">I", len(SECRET)) + content + struct.pack(">I", zlib.crc32(content))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("JPEG", b"\xff\xd8" + b"\xff\xfe\x00\x02" * (MAX_PARTS + 1)),
        ("PNG", b"\x89PNG\r\n\x1a\n" + (b"\0" * 4 + b"tEXt" + b"\0" * 4) * (MAX_PARTS + 1)),
        ("WEBP", b"RIFF\xff\xff\xff\x7fWEBP" + b"XMP \0\0\0\0" * (MAX_PARTS + 1)),
    ],
)
def test_a_file_of_endless_parts_is_refused(kind, data):
    with pytest.raises(ValueError, match="too many parts"):
        without_metadata(data, kind)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("JPEG", b"\xff\xd8\xff\xe1\x00"),
        ("JPEG", b"\xff\xd8\xff\xe1\x00\x01Secret"),
        ("JPEG", b"\xff\xd8\xff\xe1\x00\x04abSecret"),
        ("PNG", b"\x89PNG\r\n\x1a\n\x00\x00"),
        ("PNG", b"\x89PNG\r\n\x1a\n" + broken_chunk(b"SECR")),
        ("WEBP", b"RIFF\xff\x00\x00\x00WEBPVP8"),
        ("TIFF", b"II*\x00\x08\x00\x00\x00"),
        (
            "TIFF",
            b"II*\x00\x08\x00\x00\x00\x01\x00\x0e\x01\x02\x00\xff\xff\xff\xff\x00\x00\x00\x00",
        ),
    ],
)
def test_a_file_whose_parts_cannot_be_told_apart_is_refused(kind, data):
    with pytest.raises(ValueError, match=r".") as refused:
        without_metadata(data, kind)
    assert "Secret" not in str(refused.value)
