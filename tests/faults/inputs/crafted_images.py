"""Makers of pictures that no program writes."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.pictures import encoded


def grey(file: Path) -> Image.Image:
    """The picture in a file, as 8-bit grey."""
    return Image.open(io.BytesIO(file.read_bytes())).convert("L")


def deep(chest: Image.Image, kind: type, scale: float) -> Image.Image:
    return Image.fromarray((np.asarray(chest, np.float64) * scale).astype(kind))


def zeros(count: int) -> bytes:
    """`count` zero bytes as zlib packs them, made without holding them."""
    packer = zlib.compressobj(1)
    block = bytes(1_000_000)
    parts = [packer.compress(block) for _ in range(count // len(block))]
    return b"".join([*parts, packer.compress(block[: count % len(block)]), packer.flush()])


def png(width: int, height: int, packed: bytes, depth: int = 8, colour: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in chunks)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(chest: Image.Image, kind: bytes, body: bytes) -> bytes:
    whole = encoded(chest)
    return whole[:33] + chunk(kind, body) + whole[33:]


def webp(width: int, height: int) -> bytes:
    """One colour: a lossless WEBP needs 34 bytes for any size."""
    small = bytearray(encoded(Image.new("RGB", (64, 64)), "WEBP", lossless=True))
    sizes = (width - 1) | (height - 1) << 14
    at = small.index(b"VP8L") + 9
    small[at : at + 4] = (
        int.from_bytes(small[at : at + 4], "little") >> 28 << 28 | sizes
    ).to_bytes(4, "little")
    return bytes(small)


def with_jpeg_size(jpeg: bytes, side: int) -> bytes:
    at = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2")) + 5
    return jpeg[:at] + struct.pack(">HH", side, side) + jpeg[at + 4 :]


def many_scans(chest: Image.Image, scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    whole = encoded(chest.resize((64, 64)), "JPEG", progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * scans + whole[-2:]


def tiff(
    width: int, height: int, packed: bytes, places: tuple[int, int], tags: dict[int, int]
) -> bytes:
    """A deflated grey TIFF whose only strip or tile is `packed`.

    places: the tags of its offset and its byte count.
    """
    tags = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1} | tags
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    tags = dict(sorted((tags | dict(zip(places, (start, len(packed)), strict=True))).items()))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + packed


def with_next_page(chest: Image.Image) -> bytes:
    """A TIFF of one page that says: the next page is this one."""
    whole = bytearray(encoded(chest, "TIFF"))
    first = struct.unpack_from("<I", whole, 4)[0]
    entries = struct.unpack_from("<H", whole, first)[0]
    struct.pack_into("<I", whole, first + 2 + 12 * entries, first)
    return bytes(whole)


def noise(count: int) -> bytes:
    return np.random.default_rng(0).bytes(count)
