"""What JPEG, PNG, WEBP and TIFF files say beside their picture: taken away, pixels as they came.

Only the parts that a decoder needs are copied, byte by byte, from the old file into a new one, so
what nobody has thought of goes too. The one fact that is kept is which side is up.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

from model.errors import Rejection
from model.reading.raster import ORIENTATION_TAG, open_raster
from worker.deidentify.tiff import without_metadata as tiff_without_metadata

UPRIGHT = 1
# Of a file; a large film has some ten thousand. More only cost time.
MAX_PARTS = 100_000
# JPEG (ITU T.81, table B.1): markers without a length, and those that end the picture's data.
_ALONE = {0x01, *range(0xD0, 0xD9)}
_SOS, _EOI, _APP0, _APP1, _APP14, _COMMENT = 0xDA, 0xD9, 0xE0, 0xE1, 0xEE, 0xFE
_FILL = re.compile(rb"\xff+")
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\x01\xd0-\xd7\xff]")
# A header without the thumbnail that may follow it.
_JFIF, _JFIF_BYTES = b"JFIF\0", 14
_ADOBE_BYTES = 12
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sBIT", b"gAMA", b"cHRM", b"sRGB", b"pHYs"),
    *(b"acTL", b"fcTL", b"fdAT"),  # frames: such a file is refused, and not because of us
}
_REMOVED_CHUNKS = {
    *("tEXt", "zTXt", "iTXt", "eXIf", "tIME", "iCCP", "cICP", "bKGD", "hIST", "sPLT"),
    *("EXIF", "XMP", "ICCP"),
}
_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
_WEBP_EXIF, _WEBP_FLAGS = 0x08, 0x08 | 0x04 | 0x20  # EXIF, XMP, colour profile


def without_metadata(data: bytes, kind: str) -> tuple[bytes, tuple[str, ...]]:
    """kind: as `model.reading.formats.sniff` says. Returns: the file without what it says beside
    its picture, and the names of what was removed; a file without anything comes back as it is.

    Raises ValueError when its parts cannot be told apart.
    """
    strip = _STRIPPERS[kind]
    try:
        content, removed = strip(data, UPRIGHT)
        if content != data and (orientation := _orientation(data, kind)) != UPRIGHT:
            content, removed = strip(data, orientation)
    except (struct.error, IndexError) as error:
        raise ValueError(type(error).__name__) from None
    return (data, ()) if content == data else (content, tuple(sorted(removed)))


def _orientation(data: bytes, kind: str) -> int:
    """As the decoder sees it; a file that it refuses lies as it likes."""
    try:
        with open_raster(data, kind) as picture:
            found = picture.getexif().get(ORIENTATION_TAG, UPRIGHT)
    except (Rejection, OSError, SyntaxError, ValueError, struct.error):
        return UPRIGHT
    return found if found in range(1, 9) else UPRIGHT


def _exif(orientation: int) -> bytes:
    """EXIF that says nothing else, as a TIFF directory."""
    said = Image.Exif()
    said[ORIENTATION_TAG] = orientation
    return said.tobytes().removeprefix(b"Exif\0\0")


def _jpeg(data: bytes, orientation: int) -> tuple[bytes, set[str]]:
    kept, removed = [data[:2]], set()
    if orientation != UPRIGHT:
        kept.append(_segment(_APP1, b"Exif\0\0" + _exif(orientation)))
    for marker, content, scan in _segments(data):
        if marker == _EOI:
            kept.append(b"\xff\xd9")
            if scan:
                removed.add("data after the picture")
        elif marker == _APP0 and content.startswith(_JFIF):
            # Ends with the size of a thumbnail: 0 x 0.
            header = content[: _JFIF_BYTES - 2] + b"\0\0"
            if header != content:
                removed.add("thumbnail")
            # Before any other, or it is none.
            kept.insert(1, _segment(_APP0, header))
        elif marker == _APP14 and content.startswith(b"Adobe"):
            kept.append(_segment(marker, content[:_ADOBE_BYTES]))  # how its colours are stored
        elif _APP0 <= marker <= 0xEF or marker == _COMMENT:
            removed.add(_jpeg_name(marker, content))
        else:
            kept += [_segment(marker, content), scan]
    return b"".join(kept), removed


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(marker, content, what follows it up to the next marker) of a JPEG file."""
    at = 2
    parts = 0
    while at < len(data):
        parts = _one_more(parts)
        fill = _FILL.match(data, at)
        if fill is None:
            raise ValueError("no marker where one belongs")
        at = fill.end()
        marker = data[at]
        at += 1
        if marker == _EOI:
            yield marker, b"", data[at:]
            return
        if marker in _ALONE:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        if length < 2:
            raise ValueError("a length that is none")
        content = data[at + 2 : at + length]
        at += length
        end = at
        if marker == _SOS:
            following = _NEXT_MARKER.search(data, at)
            end = following.start() if following else len(data)
        yield marker, content, data[at:end]
        at = end


def _one_more(parts: int) -> int:
    """Counts the parts of a file. Raises ValueError for too many."""
    if parts == MAX_PARTS:
        raise ValueError("too many parts")
    return parts + 1


def _chunk_name(kind: bytes) -> str:
    """Of a chunk that was removed. One of no standard may itself say something."""
    name = kind.decode("latin-1").strip()
    return name if name in _REMOVED_CHUNKS else "unknown chunk"


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _jpeg_name(marker: int, content: bytes) -> str:
    if marker == _COMMENT:
        return "comment"
    name = content.split(b"\0", 1)[0]
    known = {b"Exif": "EXIF", b"http://ns.adobe.com/xap/1.0/": "XMP", b"ICC_PROFILE": "ICC"}
    return known.get(name, f"APP{marker - _APP0}")


def _png(data: bytes, orientation: int) -> tuple[bytes, set[str]]:
    kept, removed = [_PNG_SIGNATURE], set()
    at = len(_PNG_SIGNATURE)
    parts = 0
    while at < len(data):
        parts = _one_more(parts)
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        elif kind[0] & 0x20:  # ancillary: a decoder does without it
            removed.add(_chunk_name(kind))
        else:
            raise ValueError("a chunk that is not known")
        if kind == b"IHDR" and orientation != UPRIGHT:
            kept.append(_chunk(b"eXIf", _exif(orientation)))
        at = end
        if kind == b"IEND":
            break
    if at < len(data):
        removed.add("data after the picture")
    return b"".join(kept), removed


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def _webp(data: bytes, orientation: int) -> tuple[bytes, set[str]]:
    kept, removed = [], set()
    (size,) = struct.unpack_from("<I", data, 4)
    whole = min(8 + size, len(data))
    at = 12
    parts = 0
    while at < whole:
        parts = _one_more(parts)
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        chunk = bytearray(data[at:end])
        if kind == b"VP8X":
            chunk[8] &= 0xFF ^ _WEBP_FLAGS
            if orientation != UPRIGHT:
                chunk[8] |= _WEBP_EXIF
        if kind in _WEBP_KEPT:
            kept.append(bytes(chunk))
        else:
            removed.add(_chunk_name(kind))
        at = end
    if whole < len(data):
        removed.add("data after the picture")
    if orientation != UPRIGHT:
        exif = _exif(orientation)
        kept.append(struct.pack("<4sI", b"EXIF", len(exif)) + exif + b"\0" * (len(exif) % 2))
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body, removed


_STRIPPERS: dict[str, Callable[[bytes, int], tuple[bytes, set[str]]]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "TIFF": tiff_without_metadata,
}
