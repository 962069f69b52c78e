"""JPEG, PNG, WEBP and TIFF to grey, through Pillow.

Speed matters here: at 60 images a second decoding costs as much as a fifth of the network. Hence
JPEG draft mode (the decoder itself skips detail), and reduction before any conversion.
"""

import io
import logging
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image

from model.errors import ImageTooLarge, UnsupportedFormat
from model.reading import libtiff
from model.reading.pixels import averaged, band_rows, reduction, stretched
from model.reading.raster_bounds import check_scans

libtiff.silence()  # Pillow's import has just loaded it
# Results go to the sender; Pillow's warnings about single files would only fill the log.
warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
logging.getLogger("PIL").addHandler(logging.NullHandler())
logging.getLogger("PIL").propagate = False

ORIENTATION_TAG = 0x0112
WINDOW_TEXT = "file_window"
WHOLE_RANGE = (0.0, 1.0)
_WHITE_IS_ZERO_TAG = 262
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_COLOUR_SAMPLE = 64  # colour is judged on a copy of at most this many pixels a side
_DEEP_MODES = ("I", "F")  # first letter of Pillow's modes with more than 8 bits
_MAX_DEEP = 65_535


def open_raster(data: bytes, kind: str) -> Image.Image:
    """Read the header only.

    Raises ImageTooLarge, UnsupportedFormat for several pages, UnreadableImage for endless scans.
    """
    try:
        picture = Image.open(io.BytesIO(data), formats=[kind])
    except Image.DecompressionBombError:
        raise ImageTooLarge(
            "The image has far more pixels than any X-ray. Send it at a smaller size."
        ) from None
    pages = getattr(picture, "n_frames", 1)
    if pages > 1 and picture.format != "MPO":  # MPO: a JPEG with a preview beside the picture
        raise UnsupportedFormat(
            f"The {kind} file holds {pages} pages or frames. Send one X-ray a file."
        )
    if kind == "JPEG":
        check_scans(data)
    return picture


def grey(picture: Image.Image, at_least: int | None) -> tuple[np.ndarray, float, bool]:
    """Decode to (H, W) float32 0..1, upright, reduced to no less than `at_least` a side.

    Returns: the pixels, the colourfulness as in `Radiograph`, and whether the file stores the
    picture lying on its side, so that its width is the height of `pixels`. `picture` is used up.
    """
    if picture.format in ("JPEG", "MPO"):
        _draft(picture, at_least)
    picture.load()
    orientation = picture.getexif().get(ORIENTATION_TAG, 1)
    if picture.mode[0] in _DEEP_MODES:
        levels, colourfulness = _deep(picture, at_least), 0.0
        # Values that a window is given in keep their scale.
        has_window = window(picture) != WHOLE_RANGE
        pixels = levels / np.float32(_MAX_DEEP) if has_window else stretched(levels)
        if _is_white_zero(picture):
            pixels = 1 - pixels
    else:
        layer, colourfulness = _luminance(_reduced(picture, at_least))
        pixels = np.asarray(layer, dtype=np.float32) / np.float32(255)
    if orientation in _UPRIGHT:
        pixels = _turned(pixels, _UPRIGHT[orientation])
    return pixels, colourfulness, orientation in _SIDEWAYS


def window(picture: Image.Image) -> tuple[float, float]:
    """The part of 0..1 that a PNG of `model.drawing.pictures.film_png` wants to be shown, which is
    the window of the file that it was made of; WHOLE_RANGE for any other picture."""
    try:
        low, high = map(float, picture.info.get(WINDOW_TEXT, "").split())
    except ValueError:
        return WHOLE_RANGE
    return (low, high) if picture.format == "PNG" and 0 <= low < high <= 1 else WHOLE_RANGE


def bits(picture: Image.Image) -> int:
    """8, or 16 for a picture of more grey values."""
    return 16 if picture.mode[0] in _DEEP_MODES else 8


def _draft(picture: Image.Image, at_least: int | None) -> None:
    """Let the JPEG decoder shrink, and hand out luminance as the file stores it."""
    size = picture.size
    if at_least:
        scale = at_least / min(size)
        size = tuple(max(1, int(np.ceil(side * scale))) for side in size)
    mode = "YCbCr" if picture.mode == "RGB" and _stores_luminance(picture) else picture.mode
    picture.draft(mode, size if min(size) < min(picture.size) else picture.size)


def _stores_luminance(jpeg: Image.Image) -> bool:
    """Whether a file of three components holds YCbCr, as most do, or RGB: what its decoder goes by.

    Asked for the luminance of RGB, that decoder gives up.
    """
    if "jfif" in jpeg.info:
        return True
    transform = jpeg.info.get("adobe_transform")
    return transform != 0 if transform is not None else [row[0] for row in jpeg.layer] != [*b"RGB"]


def _bands(picture: Image.Image, factor: int) -> Iterator[Image.Image]:
    rows = band_rows(factor)
    for top in range(0, picture.height, rows):
        yield picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def _reduced(picture: Image.Image, at_least: int | None) -> Image.Image:
    """As L, RGB or YCbCr, reduced to no less than `at_least` a side."""
    factor = reduction(picture.size, at_least)
    hides = _hides(picture)
    if factor == 1:
        return _plain(picture, hides)
    parts = [_plain(band, hides).reduce(factor) for band in _bands(picture, factor)]
    whole = Image.new(parts[0].mode, (parts[0].width, sum(part.height for part in parts)))
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height
    return whole


def _hides(picture: Image.Image) -> bool:
    """Whether transparency hides a part of the picture.

    Some tools write an alpha channel that is zero everywhere: nothing would be left.
    """
    if "transparency" not in picture.info and picture.mode[-1] not in "Aa":
        return False
    alphas = [band.convert("RGBA").getchannel("A").getextrema() for band in _bands(picture, 1)]
    least, most = min(low for low, _ in alphas), max(high for _, high in alphas)
    return (least, most) not in ((255, 255), (0, 0))


def _plain(picture: Image.Image, hides: bool) -> Image.Image:
    """To L, RGB or YCbCr; what is transparent becomes black, the background of an X-ray."""
    if hides:
        picture = picture.convert("RGBA")
        black = Image.new("RGB", picture.size)
        return Image.composite(picture.convert("RGB"), black, picture.getchannel("A"))
    if picture.mode in ("L", "RGB", "YCbCr"):
        return picture
    return picture.convert("L" if picture.mode == "1" else "RGB")


def _luminance(picture: Image.Image) -> tuple[Image.Image, float]:
    if picture.mode == "L":
        return picture, 0.0
    factor = max(1, max(picture.size) // _COLOUR_SAMPLE)
    sample = picture.reduce(factor)
    if picture.mode == "YCbCr":
        return picture.getchannel(0), _colourfulness(sample)
    return picture.convert("L"), _colourfulness(sample.convert("YCbCr"))


def _colourfulness(sample: Image.Image) -> float:
    """Spread of the two chroma channels that brightness does not explain (YCbCr in).

    A tinted film has one hue that grows with brightness: taking out the part of the chroma that
    follows the luminance leaves 0 for it.
    """
    values = np.asarray(sample, dtype=np.float64).reshape(-1, 3) / 255
    centred = values - values.mean(axis=0)
    light, chroma = centred[:, 0], centred[:, 1:]
    power = light @ light
    if power > 0:
        chroma = chroma - np.outer(light, light @ chroma / power)
    return float(np.sqrt((chroma**2).sum(axis=1).mean()))


def _deep(picture: Image.Image, at_least: int | None) -> np.ndarray:
    factor = reduction(picture.size, at_least)
    if factor == 1:
        return np.asarray(picture)
    return np.concatenate([averaged(np.asarray(band), factor) for band in _bands(picture, factor)])


def _is_white_zero(picture: Image.Image) -> bool:
    # Pillow inverts white-is-zero TIFFs of 8 bits by itself, deeper ones not.
    return getattr(picture, "tag_v2", {}).get(_WHITE_IS_ZERO_TAG) == 0


def _turned(pixels: np.ndarray, how: Image.Transpose) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(Image.fromarray(pixels).transpose(how)))
