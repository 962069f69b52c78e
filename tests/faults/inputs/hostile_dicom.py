"""Hostile DICOM files: damaged, oversized, contradicting themselves."""

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    RLELossless,
)

from tests.faults.inputs.crafted_dicom import (
    ITEM,
    PIXEL_DATA,
    compressed,
    element,
    float_file,
    inserted,
    j2k,
    sequence,
    uid_value,
    without,
)
from tests.faults.inputs.crafted_images import with_jpeg_size
from tests.faults.inputs.hostile import Hostile, judged, refused
from tests.support.pictures import dicom_bytes, encoded

LOOKUP_TABLES = (0x0028, 0x3010)
PRIVATE = (0x0029, 0x1010)


def dicoms(chest: Image.Image) -> Iterator[Hostile]:
    """The whole catalogue of this module; `chest` is grey, 8 bits."""
    pixels = np.asarray(chest)
    yield from damaged(pixels)
    yield from bombs(pixels)
    yield from missing(pixels)
    yield from contradictory(pixels)
    yield from syntaxes(pixels)
    yield from odd_numbers(pixels)
    yield from polyglots(pixels)


def damaged(pixels: np.ndarray) -> Iterator[Hostile]:
    whole = dicom_bytes(pixels)
    start = whole.index(PIXEL_DATA)
    yield refused("half.dcm", whole[: len(whole) // 2], "unreadable")
    yield refused("almost.dcm", whole[:-100], "unreadable")
    yield refused("header.dcm", whole[:start], "unreadable")
    yield refused("preamble.dcm", whole[:132], "unreadable")
    yield refused("magic.dcm", bytes(128) + b"DICM" + bytes(300), "unreadable")
    yield refused("noise.dcm", whole[:140] + np.random.default_rng(0).bytes(5_000), "unreadable")
    for name, syntax in (("j2k", JPEG2000Lossless), ("jpeg", JPEGBaseline8Bit)):
        for what, frame in (("empty", b""), ("noise", np.random.default_rng(0).bytes(5_000))):
            yield refused(f"{what}-{name}.dcm", compressed(pixels, syntax, frame), "unreadable")
    half = j2k(pixels)[:500]
    yield refused("half-j2k.dcm", compressed(pixels, JPEG2000Lossless, half), "unreadable")
    photo = encoded(Image.fromarray(pixels), "JPEG")
    half = photo[: len(photo) // 2]
    yield refused("half-jpeg.dcm", compressed(pixels, JPEGBaseline8Bit, half), "unreadable")
    yield refused("mislabelled.dcm", compressed(pixels, JPEGLosslessSV1, photo), "unreadable")
    no_delimiter = whole[:start] + whole[start:].replace(b"OW\x00\x00", b"OB\x00\x00", 1)
    yield judged("bytes-for-words.dcm", no_delimiter)


def bombs(pixels: np.ndarray) -> Iterator[Hostile]:
    yield refused("bomb-65535.dcm", dicom_bytes(pixels, Rows=65_535, Columns=65_535), "too_large")
    yield refused("30000.dcm", dicom_bytes(pixels, Rows=30_000, Columns=30_000), "too_large")
    large = j2k(np.zeros((7_990, 10_000), np.uint8))
    claims = {"Rows": 7_990, "Columns": 10_000}
    yield refused(
        "bomb-j2k.dcm", compressed(pixels, JPEG2000Lossless, large, **claims), "too_large"
    )
    yield refused("bomb-hidden.dcm", compressed(pixels, JPEG2000Lossless, large), "unreadable")
    jpeg = with_jpeg_size(encoded(Image.fromarray(pixels), "JPEG"), 60_000)
    yield refused("bomb-jpeg.dcm", compressed(pixels, JPEGBaseline8Bit, jpeg), "unreadable")
    runs = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x00" * 500_000
    yield refused("bomb-rle.dcm", compressed(pixels, RLELossless, runs), "unreadable")
    whole = dicom_bytes(pixels)
    yield refused("bomb-items.dcm", inserted(whole, sequence(LOOKUP_TABLES, 120_000)), "unreadable")
    yield refused("bomb-private.dcm", inserted(whole, sequence(PRIVATE, 120_000)), "unreadable")
    nested = sequence(LOOKUP_TABLES, 1)[:-8] * 5_000
    yield refused("bomb-nested.dcm", inserted(whole, nested), "unreadable")
    values = element(0x0028, 0x1050, b"UT", b"1\\" * 500_000)
    yield refused("bomb-values.dcm", inserted(whole, values), "unreadable")
    fragments = compressed(pixels, JPEGBaseline8Bit, b"").replace(ITEM + ITEM, ITEM * 200_000)
    yield refused("bomb-fragments.dcm", fragments, "unreadable")


def missing(pixels: np.ndarray) -> Iterator[Hostile]:
    whole = dicom_bytes(pixels)
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation"):
        yield refused(f"no-{keyword}.dcm", without(whole, keyword), "unreadable")
    no_kind = without(whole, "PhotometricInterpretation")
    yield refused("no-PhotometricInterpretation.dcm", no_kind, "unreadable")
    yield judged("no-TransferSyntaxUID.dcm", without(whole, "TransferSyntaxUID"))
    yield judged("no-Modality.dcm", without(whole, "Modality"))


def contradictory(pixels: np.ndarray) -> Iterator[Hostile]:
    cases = {
        "rows-0": ({"Rows": 0}, "unreadable"),
        "rows-4-times": ({"Rows": 4 * len(pixels)}, "unreadable"),
        "allocated-12": ({"BitsAllocated": 12}, "unreadable"),
        "allocated-64": ({"BitsAllocated": 64}, "unreadable"),
        "stored-more": ({"BitsStored": 20}, "unreadable"),
        "representation-7": ({"PixelRepresentation": 7}, "unreadable"),
        "frames-minus": ({"NumberOfFrames": -3}, "unreadable"),
        "frames-3": ({"NumberOfFrames": 3}, "unsupported_format"),
        "samples-3": ({"SamplesPerPixel": 3}, "unsupported_format"),
        "colour": ({"PhotometricInterpretation": "RGB"}, "unsupported_format"),
        "palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "unsupported_format"),
        "ct": ({"Modality": "CT"}, "not_a_chest_xray"),
        "lateral": ({"ViewPosition": "LL"}, "lateral"),
        "rows-1": ({"Rows": 1, "Columns": 1}, "too_small"),
    }
    for name, (elements, reason) in cases.items():
        yield refused(f"{name}.dcm", dicom_bytes(pixels, **elements), reason)
    lie = compressed(pixels, JPEG2000Lossless, j2k(pixels), Rows=len(pixels) // 2)
    yield refused("half-the-rows.dcm", lie, "unreadable")
    twice = inserted(dicom_bytes(pixels), element(0x0028, 0x0010, b"US", b"\x01\x00"))
    yield refused("rows-twice.dcm", twice, "too_small")


def syntaxes(pixels: np.ndarray) -> Iterator[Hostile]:
    whole = dicom_bytes(pixels)
    for name, uid in (
        ("private-syntax", "1.2.840.113619.5.2"),
        ("made-up-syntax", "1.2.3.4.5.6.7.8"),
        ("video-syntax", "1.2.840.10008.1.2.4.100"),
        ("no-syntax-at-all", "hello"),
    ):
        other = whole.replace(uid_value(ExplicitVRLittleEndian), uid_value(uid))
        yield refused(f"{name}.dcm", other, "unsupported_format")
    deflated = dicom_bytes(pixels, syntax=DeflatedExplicitVRLittleEndian)
    yield refused("deflated.dcm", deflated, "unsupported_format")
    yield judged("rle.dcm", dicom_bytes(pixels, syntax=RLELossless))
    yield judged("j2k.dcm", compressed(pixels, JPEG2000Lossless, j2k(pixels)))
    negative = dicom_bytes(255 - pixels, photometric="MONOCHROME1")
    yield judged("negative.dcm", negative)


def odd_numbers(pixels: np.ndarray) -> Iterator[Hostile]:
    values = (pixels / np.float32(255)).astype(np.float32)
    values[:20, :20] = np.nan
    yield judged("some-nan.dcm", float_file(values))
    nothing = np.full_like(values, np.nan)
    yield refused("only-nan.dcm", float_file(nothing), "unreadable")
    yield judged("window-0.dcm", dicom_bytes(pixels, WindowCenter=128, WindowWidth=0))
    yield judged("window-nan.dcm", dicom_bytes(pixels, WindowCenter="nan", WindowWidth="nan"))
    yield judged(
        "padding.dcm", dicom_bytes(pixels, PixelPaddingValue=0, PixelPaddingRangeLimit=255)
    )
    for name, slope in (("nan", "nan"), ("inf", "inf")):
        spoilt = dicom_bytes(pixels, RescaleSlope=slope, RescaleIntercept="0")
        yield refused(f"slope-{name}.dcm", spoilt, "unreadable")
    words = inserted(
        dicom_bytes(pixels),
        element(0x0028, 0x1050, b"DS", b"centre") + element(0x0028, 0x1051, b"DS", b"wide"),
    )
    yield judged("window-in-words.dcm", words)
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [0, 0, 16], b"\x00\x00"
    yield judged("no-table.dcm", dicom_bytes(pixels, VOILUTSequence=[table]))


def polyglots(pixels: np.ndarray) -> Iterator[Hostile]:
    """The first 128 bytes of a DICOM file are free, so it can be a second thing as well."""
    whole = dicom_bytes(pixels)
    for name, start in (
        ("program", b"\x7fELF"),
        ("tiff", b"II*\x00\x08\x00\x00\x00"),
        ("page", b"<html><script>alert(1)</script>"),
        ("zip-in-the-middle", b"xxPK\x03\x04"),
    ):
        yield judged(f"{name}-and-dicom.dcm", start.ljust(128, b"\x00") + whole[128:])
