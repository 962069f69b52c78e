"""Hypothesis strategies: what becomes of good files on a bad way."""

import struct
import zlib
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

MAX_BYTES = 2_000_000
HEADER_BYTES = 600  # half of all changes fall here, where the fields are
NUMBERS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF)
NUMBERS += (0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 2**63 - 1, 2**63, 2**64 - 1)
PNG_START = b"\x89PNG\r\n\x1a\n"


@st.composite
def mutated(draw, seeds: Sequence[bytes]) -> bytes:
    """One of `seeds`, changed one to four times."""
    data = seeds[draw(st.integers(0, len(seeds) - 1))]
    for _ in range(draw(st.integers(1, 4))):
        change = draw(st.sampled_from(CHANGES))
        data = change(draw, data, seeds)[:MAX_BYTES]
    # With a wrong checksum a PNG never gets beyond its first check.
    if data.startswith(PNG_START) and draw(st.booleans()):
        data = with_right_checksums(data)
    return data


def _place(draw, data: bytes) -> int:
    most = min(len(data), HEADER_BYTES) if draw(st.booleans()) else len(data)
    return draw(st.integers(0, max(0, most - 1)))


def _flip_bits(draw, data: bytes, seeds: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 8)) if data else 0):
        changed[_place(draw, data)] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def _cut(draw, data: bytes, seeds: Sequence[bytes]) -> bytes:
    return data[: _place(draw, data)]


def _take_out(draw, data: bytes, seeds: Sequence[bytes]) -> bytes:
    at = _place(draw, data)
    return data[:at] + data[at + draw(st.integers(1, 300)) :]


def _blank(draw, data: bytes, seeds: Sequence[bytes]) -> bytes:
    at, count = _place(draw, data), draw(st.integers(1, 300))
    return data[:at] + bytes([draw(st.sampled_from((0, 255)))]) * count + data[at + count :]


def _splice(draw, data: bytes, seeds: Sequence[bytes]) -> bytes:
    other = seeds[draw(st.integers(0, len(seeds) - 1))]
    return data[: _place(draw, data)] + other[_place(draw, other) :]


def _repeat(draw, data: bytes, seeds: Sequence[bytes]) -> bytes:
    at, count = _place(draw, data), draw(st.integers(1, 64))
    times = draw(st.sampled_from((1, 2, 10, 1_000, 10_000)))
    return data[:at] + data[at : at + count] * times + data[at:]


def _set_number(draw, data: bytes, seeds: Sequence[bytes]) -> bytes:
    """A length, a count, a size or an offset says something else."""
    kind = draw(st.sampled_from("BHIQ"))
    size = struct.calcsize(kind)
    number = draw(st.sampled_from(NUMBERS)) % 2 ** (8 * size)
    at = _place(draw, data)
    order = draw(st.sampled_from("<>"))
    return data[:at] + struct.pack(order + kind, number) + data[at + size :]


def _put_in(draw, data: bytes, seeds: Sequence[bytes]) -> bytes:
    at = _place(draw, data)
    return data[:at] + draw(st.binary(max_size=40)) + data[at:]


CHANGES: tuple[Callable[..., bytes], ...] = (
    *(_flip_bits, _cut, _take_out, _blank, _splice, _repeat, _put_in),
    *(_set_number, _set_number, _set_number),
)


def with_right_checksums(png: bytes) -> bytes:
    """The file with the CRC of each chunk as its content wants it."""
    fixed, at = bytearray(png), len(PNG_START)
    while at + 12 <= len(fixed):
        end = at + 8 + int.from_bytes(fixed[at : at + 4], "big")
        if end + 4 > len(fixed):
            break
        fixed[end : end + 4] = zlib.crc32(fixed[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(fixed)
