"""What a DICOM file may cost to read: its own words about its size are checked against its bytes.

A few kilobytes can hold a million items, a window of a million values, or a compressed picture that
is larger than the one the file describes; none of that occurs in files of scanners.
"""

import io
import struct

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.encaps import generate_frames
from pydicom.tag import Tag
from pydicom.uid import (
    JPEG2000TransferSyntaxes,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLETransferSyntaxes,
)

from model.errors import UnreadableImage
from model.reading.raster_bounds import check_scans

_MAX_READS = 100_000  # the parser makes about two an element; a file has some hundred elements
_MAX_VALUE_BYTES = 65_536
_MAX_TABLE_BYTES = 1_000_000  # a lookup table has 65,536 entries at most
_MAX_FRAGMENTS = 10_000
_PIXELS = frozenset(map(Tag, ("PixelData", "FloatPixelData", "DoubleFloatPixelData")))
_TABLES = frozenset(map(Tag, ("ModalityLUTSequence", "VOILUTSequence")))
_ITEM = b"\xfe\xff\x00\xe0"

# Bytes a pixel that the decoders of compressed pictures, and lookup tables, were seen to take.
_COMPRESSED_PIXEL_BYTES = 10
_TABLE_PIXEL_BYTES = 20
_COPIES = 3  # of plain pixels: the file, the element, the array

_J2K_START = b"\xff\x4f\xff\x51"
_J2K_SIZE = struct.Struct(">8I")
_MAX_TILES = 16_384
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
# Their decoder takes other kinds as well.
_MARKERS = {
    JPEGLossless: {0xC3},
    JPEGLosslessSV1: {0xC3},
    JPEGLSLossless: {0xF7},
    JPEGLSNearLossless: {0xF7},
}
_JPEG_SIZE = struct.Struct(">BHH")
_RLE_HEADER = struct.Struct("<16I")
_RLE_GAIN = 64  # two bytes give at most 128
_RLE_UNCHECKED_BYTES = 50_000_000


class BoundedReader(io.BytesIO):
    """A file whose parser gives up, instead of going through millions of elements."""

    _reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self._reads += 1
        if self._reads > _MAX_READS:
            raise UnreadableImage(
                "The DICOM file holds far more elements than an X-ray has. Export it again."
            )
        return super().read(size)


def check_values(dataset: pydicom.Dataset) -> None:
    """Raise UnreadableImage when an element is too long to be converted to Python objects."""
    for tag in dataset.keys() - _PIXELS:
        element = dataset.get_item(tag)
        most = _MAX_TABLE_BYTES if tag in _TABLES else _MAX_VALUE_BYTES
        if isinstance(element, RawDataElement) and len(element.value or b"") > most:
            raise UnreadableImage(
                "The DICOM file holds a value that is far longer than in any X-ray. "
                "Export it again."
            )


def decoding_bytes(dataset: pydicom.Dataset, has_table: bool) -> int:
    """About how much memory it takes at most to decode the picture."""
    pixels = int(dataset.Rows) * int(dataset.Columns)
    if has_table:
        return pixels * _TABLE_PIXEL_BYTES
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        return pixels * _COMPRESSED_PIXEL_BYTES
    return pixels * _COPIES * int(dataset.BitsAllocated) // 8


def check_compressed(dataset: pydicom.Dataset) -> None:
    """Raise UnreadableImage when the compressed picture is not the one the file describes."""
    if dataset.PixelData.count(_ITEM) > _MAX_FRAGMENTS:
        raise _contradiction()
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    size = int(dataset.Columns), int(dataset.Rows)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in RLETransferSyntaxes:
        _check_rle(frame, size[0] * size[1])
    elif syntax in JPEG2000TransferSyntaxes or _J2K_START in frame[:256]:
        if _j2k_size(frame) != size:
            raise _contradiction()
    else:
        check_scans(frame)
        marker, *found = _jpeg_header(frame)
        if tuple(found) != size or marker not in _MARKERS.get(syntax, _JPEG_FRAMES):
            raise _contradiction()


def _j2k_size(frame: bytes) -> tuple[int, int]:
    """Width and height of a JPEG 2000 codestream (ISO 15444-1, A.5.1)."""
    start = frame.index(_J2K_START) + 8
    right, bottom, left, top, tile_width, tile_height, _, _ = _J2K_SIZE.unpack_from(frame, start)
    tiles = -(-right // tile_width) * -(-bottom // tile_height)
    if tiles > _MAX_TILES:
        raise _contradiction()
    return right - left, bottom - top


def _jpeg_header(frame: bytes) -> tuple[int, int, int]:
    """Kind, width and height of a JPEG or JPEG-LS image (ISO 10918-1, B.2.2)."""
    at = 2
    while frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker in _JPEG_FRAMES:
            _, height, width = _JPEG_SIZE.unpack_from(frame, at + 4)
            return marker, width, height
        # Fill bytes may stand before a marker.
        at += 1 if marker == 0xFF else 2 + int.from_bytes(frame[at + 2 : at + 4])
    raise _contradiction()


def _check_rle(frame: bytes, pixels: int) -> None:
    if len(frame) * _RLE_GAIN <= _RLE_UNCHECKED_BYTES:
        return
    count, *offsets = _RLE_HEADER.unpack_from(frame)
    ends = [*offsets[1:count], len(frame)]
    for start, end in zip(offsets[:count], ends, strict=True):
        if _rle_bytes(frame[start:end], most=2 * pixels) > 2 * pixels:
            raise _contradiction()


def _rle_bytes(segment: bytes, most: int) -> int:
    """How many bytes a segment unpacks to (PS3.5 G.3.2); stops counting above `most`."""
    unpacked = at = 0
    while at < len(segment) and unpacked <= most:
        code = segment[at]
        if code < 128:
            unpacked += code + 1
            at += code + 2
        elif code > 128:
            unpacked += 257 - code
            at += 2
        else:
            at += 1
    return unpacked


def _contradiction() -> UnreadableImage:
    return UnreadableImage(
        "The DICOM file describes another picture than the compressed one in it. Export it again."
    )
