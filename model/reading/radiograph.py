"""Bytes to a grey radiograph: one door for every accepted format.

Arrays here are (H, W): height, width. Pixels are float32, 0..1, bright = dense (bone is white).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.errors import ImageTooLarge, ImageTooSmall, Rejection, UnreadableImage
from model.reading import raster, raster_bounds
from model.reading.facts import FilmFacts
from model.reading.formats import sniff

MIN_SIDE = 64  # pixels; below this a chest cannot be told from a smudge
MAX_SIDE = 20_000  # pixels; what is longer is a strip that cannot be reduced, so costs the most
MAX_PIXELS = 80_000_000  # a large detector gives about 20 million
MAX_DECODING_BYTES = 400_000_000  # at once in one decoder, however small the file


@dataclass(frozen=True)
class Radiograph:
    """A decoded picture, before anyone has checked that it shows a chest.

    pixels: (H, W) float32 grey, 0..1, bright = dense: MONOCHROME1 is already inverted.
    width, height: of the file in pixels, the way up it is shown; `pixels` may be a reduced copy.
    colourfulness: 0 for grey, also for a uniform tint (a blue film, a yellowed scan); about
        0.02..0.3 for colour photographs.
    format: "JPEG", "PNG", "WEBP", "TIFF" or "DICOM".
    window: the part of 0..1 that the file wants to be shown from black to white; other values than
        (0, 1) only in the whole range of a DICOM file, or of a PNG made of one.
    bits: 8, or 16 when the file holds more grey values than 8 bits can tell apart.
    facts: what else the file says about the film.

    Non-square pixel spacing (DICOM) is ignored: pixels are taken as square.
    """

    pixels: np.ndarray
    width: int
    height: int
    colourfulness: float
    format: str
    window: tuple[float, float] = (0.0, 1.0)
    bits: int = 8
    facts: FilmFacts = FilmFacts()


def decode(
    source: bytes | Path,
    *,
    at_least: int | None = None,
    whole_range: bool = False,
    any_subject: bool = False,
) -> Radiograph:
    """Decode one image; its format is told from its content.

    source: the file's bytes, or its path. Safe to call from several threads.
    at_least: the shortest side in pixels that the caller needs. Larger pictures may come back
        reduced by a whole factor, never below this; JPEG is then decoded at reduced size.
    whole_range: leave the window of a file that has one to the caller (`Radiograph.window`), so
        that what lies outside it can be shown too.
    any_subject: do not refuse a DICOM file for what it says that it shows.
    Integers of 8 bits keep their scale; deeper ones and floats are stretched to their range,
    since a 12-bit image in a 16-bit file would otherwise be black.

    Raises a Rejection (UnreadableImage, UnsupportedFormat, ImageTooSmall, ImageTooLarge), or
    NotAChestXray when a DICOM file itself says that it is something else; OSError when the path
    cannot be read.
    """
    data = source.read_bytes() if isinstance(source, Path) else bytes(source)
    kind = sniff(data)
    try:
        # Values that are not numbers, or are too large, are expected here and seen to.
        with np.errstate(all="ignore"):
            return _decoded(data, kind, at_least, whole_range, any_subject)
    except (Rejection, MemoryError):
        raise
    except Exception:
        # Decoders raise some ten different types on damaged data, with texts for programmers.
        raise UnreadableImage(
            f"The file starts as {kind} but is damaged or incomplete. Export and send it again."
        ) from None


def _decoded(
    data: bytes, kind: str, at_least: int | None, whole_range: bool, any_subject: bool
) -> Radiograph:
    if kind == "DICOM":
        # Loaded with the first DICOM file: pydicom takes a sixth of a worker's start.
        from model.reading import dicom

        file = dicom.open_dicom(data, any_subject)
        check_size(file.width, file.height)
        _check_memory(file.decoding_bytes(), kind)
        if whole_range:
            pixels, window = file.whole_range(at_least)
        else:
            pixels, window = file.pixels(at_least), (0.0, 1.0)
        size = (file.width, file.height)
        return Radiograph(pixels, *size, 0.0, kind, window, file.bits, file.facts)
    with raster.open_raster(data, kind) as picture:
        width, height = picture.size
        bits = raster.bits(picture)
        check_size(width, height)
        _check_memory(raster_bounds.decoding_bytes(picture), kind)
        pixels, colourfulness, sideways = raster.grey(picture, at_least)
        window = raster.window(picture)
    if window != raster.WHOLE_RANGE and not whole_range:
        low, high = window
        pixels, window = np.clip((pixels - low) / (high - low), 0, 1), raster.WHOLE_RANGE
    if sideways:
        width, height = height, width
    return Radiograph(pixels, width, height, colourfulness, kind, window, bits)


def check_size(width: int, height: int) -> None:
    """Raise ImageTooSmall or ImageTooLarge, before a single pixel is decoded."""
    if min(width, height) < MIN_SIDE:
        raise ImageTooSmall(
            f"The image has {width} x {height} pixels; each side needs at least {MIN_SIDE}. "
            "Send the X-ray at its original size."
        )
    if max(width, height) > MAX_SIDE:
        raise ImageTooLarge(
            f"The image has {width} x {height} pixels, more than the {MAX_SIDE} that a side may "
            "have. Send it at a smaller size."
        )
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(
            f"The image has {width} x {height} pixels, more than the {MAX_PIXELS // 1_000_000} "
            "million accepted here. Send it at a smaller size."
        )


def _check_memory(needed_bytes: int, kind: str) -> None:
    if needed_bytes > MAX_DECODING_BYTES:
        raise ImageTooLarge(
            f"The {kind} file unpacks to more than {MAX_DECODING_BYTES // 1_000_000} "
            "MB. Send it at a smaller size, or as a plain PNG."
        )
