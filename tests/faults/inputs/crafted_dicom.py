"""Makers of DICOM files that no scanner writes."""

import struct

import numpy as np
from openjpeg import encode
from pydicom.tag import Tag
from pydicom.uid import JPEGBaseline8Bit

from tests.support.pictures import dicom_bytes

PIXEL_DATA = b"\xe0\x7f\x10\x00"
ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
END_OF_SEQUENCE = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def j2k(pixels: np.ndarray) -> bytes:
    return bytes(encode(pixels))


def compressed(pixels: np.ndarray, syntax: str, frame: bytes, **elements: object) -> bytes:
    """A file of that transfer syntax with any bytes as its only frame."""
    frame += b"\x00" * (len(frame) % 2)
    data = ITEM + ITEM[:4] + struct.pack("<I", len(frame)) + frame
    whole = dicom_bytes(pixels, syntax=JPEGBaseline8Bit, PixelData=data, **elements)
    return whole.replace(uid_value(JPEGBaseline8Bit), uid_value(syntax), 1)


def uid_value(uid: str) -> bytes:
    """As an explicit file holds it: its length, and its text of even length."""
    padded = uid.encode() + b"\x00" * (len(uid) % 2)
    return b"UI" + struct.pack("<H", len(padded)) + padded


def float_file(values: np.ndarray) -> bytes:
    """Float pixels, which have an element of their own."""
    whole = dicom_bytes(values, PixelData=b"")
    start = whole.index(PIXEL_DATA)
    return whole[:start] + element(0x7FE0, 0x0008, b"OF", values.tobytes())


def without(whole: bytes, keyword: str) -> bytes:
    """The file without that element, which must be a short one."""
    tag = Tag(keyword)
    at = whole.index(struct.pack("<HH", tag.group, tag.element), 132)
    return whole[:at] + whole[at + 8 + int.from_bytes(whole[at + 6 : at + 8], "little") :]


def inserted(whole: bytes, elements: bytes) -> bytes:
    """The file with these elements before its pixels."""
    at = whole.index(PIXEL_DATA)
    return whole[:at] + elements + whole[at:]


def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    """An element in explicit little endian."""
    value += b" " * (len(value) % 2)
    size = (
        struct.pack("<HI", 0, len(value))
        if kind in (b"OF", b"UT")
        else struct.pack("<H", len(value))
    )
    return struct.pack("<HH", group, number) + kind + size + value


def sequence(tag: tuple[int, int], items: int) -> bytes:
    """A sequence of undefined length with so many empty items."""
    return struct.pack("<HH2sHI", *tag, b"SQ", 0, 0xFFFFFFFF) + ITEM * items + END_OF_SEQUENCE
