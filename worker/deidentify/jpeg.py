"""Reduce a JPEG file, or a JPEG stream inside a TIFF file, to what its decoder needs."""

import re
import struct
from collections.abc import Iterator

from worker.deidentify.parts import UPRIGHT, exif, one_more

# JPEG (ITU T.81, table B.1): markers without a length, and those that end the picture's data.
_ALONE = {0x01, *range(0xD0, 0xD9)}
_SOS, _EOI, _APP0, _APP1, _APP14, _COMMENT = 0xDA, 0xD9, 0xE0, 0xE1, 0xEE, 0xFE
_FILL = re.compile(rb"\xff+")
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\x01\xd0-\xd7\xff]")
# A header without the thumbnail that may follow it.
_JFIF, _JFIF_BYTES = b"JFIF\0", 14
_ADOBE_BYTES = 12


def without_metadata(data: bytes, orientation: int) -> tuple[bytes, set[str]]:
    """Returns: the stream, which says that this side is up, and the names of what was removed.

    Raises struct.error, IndexError or ValueError when its parts cannot be told apart.
    """
    kept, removed = [data[:2]], set()
    if orientation != UPRIGHT:
        kept.append(_segment(_APP1, b"Exif\0\0" + exif(orientation)))
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
            removed.add(_name(marker, content))
        else:
            kept += [_segment(marker, content), scan]
    return b"".join(kept), removed


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(marker, content, what follows it up to the next marker) of a JPEG file."""
    at = 2
    parts = 0
    while at < len(data):
        parts = one_more(parts)
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


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _name(marker: int, content: bytes) -> str:
    if marker == _COMMENT:
        return "comment"
    name = content.split(b"\0", 1)[0]
    known = {b"Exif": "EXIF", b"http://ns.adobe.com/xap/1.0/": "XMP", b"ICC_PROFILE": "ICC"}
    return known.get(name, f"APP{marker - _APP0}")
