"""Rewrite a TIFF file around its pixels, with only the tags that its picture needs."""

import struct
from dataclasses import dataclass

from worker.deidentify.jpeg import without_metadata as jpeg_without_metadata
from worker.deidentify.parts import UPRIGHT

# TIFF 6.0, baseline and extensions: shape, compression, colours, and where the pixels lie.
_KEPT = {
    *(254, 256, 257, 258, 259, 262, 266, 274, 277, 278, 279, 282, 283, 284, 292, 293, 296),
    *(273, 317, 320, 322, 323, 324, 325, 338, 339, 340, 341, 347, 529, 530, 531, 532),
}
_WHERE = {273: 279, 324: 325}  # offsets of strips and tiles, and the tags of their lengths
_COMPRESSION, _JPEG_TABLES, _JPEG = 259, 347, 7
# Pixels as they are, and compressed by CCITT, LZW, deflate, PackBits, LZMA and Zstandard: none of
# these leaves room for words. Others may, as the JPEG of before 1995 (6) does.
_WORDLESS = {1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8, 17: 8}
_NUMBERS = {3: "H", 4: "I", 16: "Q"}
_MAX_PARTS = 1_000_000


@dataclass(frozen=True)
class _Layout:
    """Classic TIFF, or BigTIFF with its wider numbers."""

    order: str
    header: int
    count: str
    number: str

    @property
    def width(self) -> int:
        return struct.calcsize(self.number)


def without_metadata(data: bytes, orientation: int) -> tuple[bytes, set[str]]:
    """orientation is a tag of the picture, and stays. Returns: the file, and what was removed.

    Raises struct.error or ValueError for a file with several pictures or a broken directory.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    layout = _Layout(order, 16, "Q", "Q") if big else _Layout(order, 8, "H", "I")
    tags, following = _directory(data, layout)
    if following:
        raise ValueError("several pictures")
    removed = {_NAMES.get(tag, "other tags") for tag in tags if tag not in _KEPT}
    kept = {tag: tags[tag] for tag in sorted(tags) if tag in _KEPT}
    where = [tag for tag in _WHERE if tag in kept]
    if len(where) != 1:
        raise ValueError("no pixels")
    parts = _parts(data, layout, kept, where[0])
    parts, removed_inside = _cleaned(layout, kept, where[0], parts)
    content = _written(data[: layout.header], layout, kept, where[0], parts)
    return content, removed | removed_inside


Tags = dict[int, tuple[int, int, bytes]]  # (type, count, values)


def _directory(data: bytes, layout: _Layout) -> tuple[Tags, int]:
    """The tags of the first picture; where the next one is, or 0."""
    (at,) = struct.unpack_from(layout.order + layout.number, data, layout.header - layout.width)
    (count,) = struct.unpack_from(layout.order + layout.count, data, at)
    at += struct.calcsize(layout.count)
    tags = {}
    for _ in range(count):
        tag, kind, number = struct.unpack_from(layout.order + "HH" + layout.number, data, at)
        here = at + 4 + layout.width
        size = _SIZES.get(kind, 0) * number
        if size > layout.width:
            (here,) = struct.unpack_from(layout.order + layout.number, data, here)
        if here + size > len(data):
            raise ValueError("a tag beyond the end of the file")
        tags[tag] = (kind, number, data[here : here + size])
        at += 4 + 2 * layout.width
    return tags, struct.unpack_from(layout.order + layout.number, data, at)[0]


def _values(layout: _Layout, tag: tuple[int, int, bytes]) -> tuple[int, ...]:
    kind, number, content = tag
    if kind not in _NUMBERS or number > _MAX_PARTS:
        raise ValueError("numbers of an unknown kind")
    return struct.unpack(f"{layout.order}{number}{_NUMBERS[kind]}", content)


def _parts(data: bytes, layout: _Layout, tags: Tags, where: int) -> list[bytes]:
    """The strips or tiles of the picture."""
    offsets = _values(layout, tags[where])
    if _WHERE[where] not in tags and len(offsets) == 1:
        # Old writers leave the length out: then it may be all the rest, and whatever that holds.
        raise ValueError("pixels of unknown length")
    lengths = _values(layout, tags[_WHERE[where]])
    if sum(lengths) > len(data):
        raise ValueError("pixels that share their data")
    return [data[at : at + n] for at, n in zip(offsets, lengths, strict=True)]


def _cleaned(
    layout: _Layout, tags: Tags, where: int, parts: list[bytes]
) -> tuple[list[bytes], set[str]]:
    """The parts without what their own format says; `tags` are changed to fit them."""
    (compression,) = _values(layout, tags[_COMPRESSION]) if _COMPRESSION in tags else (1,)
    if compression in _WORDLESS:
        return parts, set()
    if compression != _JPEG:
        raise ValueError("pixels of an unknown compression")
    removed: set[str] = set()
    cleaned = []
    for part in parts:
        content, names = jpeg_without_metadata(part, UPRIGHT) if part else (part, set())
        cleaned.append(content)
        removed |= names
    if _JPEG_TABLES in tags:
        content, names = jpeg_without_metadata(tags[_JPEG_TABLES][2], UPRIGHT)
        tags[_JPEG_TABLES] = (tags[_JPEG_TABLES][0], len(content), content)
        removed |= names
    kind, count, _ = tags[_WHERE[where]]
    lengths = struct.pack(f"{layout.order}{count}{_NUMBERS[kind]}", *map(len, cleaned))
    tags[_WHERE[where]] = (kind, count, lengths)
    return cleaned, removed


def _written(header: bytes, layout: _Layout, tags: Tags, where: int, parts: list[bytes]) -> bytes:
    """Header, directory, values that do not fit into it, pixels."""
    entry = "HH" + layout.number
    after = (
        layout.header
        + struct.calcsize(layout.count)
        + len(tags) * (4 + 2 * layout.width)
        + layout.width
    )
    number = layout.number  # of every offset of pixels, whatever its kind was
    kind = next(code for code, letter in _NUMBERS.items() if letter == number)
    tags = tags | {where: (kind, len(parts), b"\0" * (len(parts) * layout.width))}
    far = [tag for tag, (_, _, content) in tags.items() if len(content) > layout.width]
    places, end = {}, after
    for tag in far:
        places[tag] = end
        end += len(tags[tag][2]) + len(tags[tag][2]) % 2
    offsets = []
    pixels = end
    for part in parts:
        offsets.append(pixels)
        pixels += len(part)
    tags[where] = (kind, len(parts), struct.pack(f"{layout.order}{len(parts)}{number}", *offsets))
    directory = struct.pack(layout.order + layout.count, len(tags))
    for tag, (code, count, content) in tags.items():
        directory += struct.pack(layout.order + entry, tag, code, count)
        directory += (
            struct.pack(layout.order + number, places[tag])
            if tag in places
            else content.ljust(layout.width, b"\0")
        )
    directory += struct.pack(layout.order + number, 0)
    start = struct.pack(layout.order + number, layout.header)
    values = b"".join(tags[tag][2] + b"\0" * (len(tags[tag][2]) % 2) for tag in far)
    return header[: layout.header - layout.width] + start + directory + values + b"".join(parts)


_NAMES = {
    **{270: "ImageDescription", 271: "Make", 272: "Model", 305: "Software", 306: "DateTime"},
    **{315: "Artist", 316: "HostComputer", 330: "SubIFDs", 700: "XMP", 33432: "Copyright"},
    **{33723: "IPTC", 34377: "Photoshop", 34665: "EXIF", 34675: "ICC", 34853: "GPS"},
}
