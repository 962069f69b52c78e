"""Remove the metadata of JPEG, PNG, WEBP and TIFF files and leave their pixels unchanged.

Only the parts that a decoder needs are copied, byte by byte, from the old file into a new one, so
what nobody has thought of goes too. The one fact that is kept is which side is up.
"""

import struct
import zlib
from collections.abc import Callable

from model.errors import Rejection
from model.reading.raster import ORIENTATION_TAG, open_raster
from worker.deidentify.jpeg import without_metadata as jpeg_without_metadata
from worker.deidentify.parts import UPRIGHT, exif, one_more
from worker.deidentify.tiff import without_metadata as tiff_without_metadata

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


def _chunk_name(kind: bytes) -> str:
    """Of a chunk that was removed. One of no standard may itself say something."""
    name = kind.decode("latin-1").strip()
    return name if name in _REMOVED_CHUNKS else "unknown chunk"


def _png(data: bytes, orientation: int) -> tuple[bytes, set[str]]:
    kept, removed = [_PNG_SIGNATURE], set()
    at = len(_PNG_SIGNATURE)
    parts = 0
    while at < len(data):
        parts = one_more(parts)
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        elif kind[0] & 0x20:  # ancillary: a decoder does without it
            removed.add(_chunk_name(kind))
        else:
            raise ValueError("a chunk that is not known")
        if kind == b"IHDR" and orientation != UPRIGHT:
            kept.append(_chunk(b"eXIf", exif(orientation)))
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
        parts = one_more(parts)
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
        said = exif(orientation)
        kept.append(struct.pack("<4sI", b"EXIF", len(said)) + said + b"\0" * (len(said) % 2))
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body, removed


_STRIPPERS: dict[str, Callable[[bytes, int], tuple[bytes, set[str]]]] = {
    "JPEG": jpeg_without_metadata,
    "PNG": _png,
    "WEBP": _webp,
    "TIFF": tiff_without_metadata,
}
