"""Pictures of a decoded X-ray, for people: stretched in contrast, in its own proportions."""

import io

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from model.reading.radiograph import Radiograph
from model.reading.raster import WHOLE_RANGE
from model.reading.raster import WINDOW_TEXT as FILE_WINDOW_TEXT

SMALL_MAX_SIDE = 1024  # pixels
FILM_MAX_SIDE = 5000  # pixels; the largest detectors have some 4,300
WINDOW_TEXT = "window"
_JPEG_QUALITY = 85
_DARKEST, _BRIGHTEST = 0.5, 99.5  # percentiles shown as black and white
_SAMPLE = 64  # about so many pixels a side tell the percentiles


def grey(radiograph: Radiograph, max_side: int) -> Image.Image:
    """The X-ray in 8-bit grey (mode L), at most `max_side` pixels a side, never enlarged.

    The contrast is stretched for viewing: a DICOM file without a window is pale otherwise.
    """
    scale = min(1.0, max_side / max(radiograph.width, radiograph.height))
    size = tuple(max(1, round(side * scale)) for side in (radiograph.width, radiograph.height))
    return _stretched(radiograph.pixels).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def small_jpeg(radiograph: Radiograph) -> bytes:
    """The X-ray as a grey JPEG at the size at which it was decoded, up to SMALL_MAX_SIDE.

    What was decoded for the network has some 450 to 900 pixels a side. Scaling it to one size
    would take as long as all the rest, which is 1.5 ms.
    """
    picture = _stretched(radiograph.pixels)
    picture.thumbnail((SMALL_MAX_SIDE, SMALL_MAX_SIDE), Image.Resampling.BILINEAR)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_JPEG_QUALITY)
    return out.getvalue()


def film_png(radiograph: Radiograph) -> bytes:
    """The X-ray as it is in the file, as a grey PNG of 8 or 16 bits, up to FILM_MAX_SIDE a side.

    Its contrast is left alone; its text chunk WINDOW_TEXT says which part of 0..1 to show at first,
    as two numbers: the file's own window, without the extremes that `grey` leaves out too. The
    window itself is in another one, so that `decode` makes of the PNG what it makes of the file.
    """
    scale = min(1.0, FILM_MAX_SIDE / max(radiograph.pixels.shape))
    pixels = radiograph.pixels
    if scale < 1:
        size = tuple(max(1, round(side * scale)) for side in reversed(pixels.shape))
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    dtype = np.uint16 if radiograph.bits > 8 else np.uint8
    levels = np.rint(pixels * np.float32(np.iinfo(dtype).max)).astype(dtype)
    low, high = _extremes(np.clip(pixels, *radiograph.window))
    text = PngInfo()
    text.add_text(WINDOW_TEXT, f"{low:.5f} {high:.5f}")
    if radiograph.window != WHOLE_RANGE:
        text.add_text(FILE_WINDOW_TEXT, "{:.7f} {:.7f}".format(*radiograph.window))
    out = io.BytesIO()
    Image.fromarray(levels).save(out, "PNG", compress_level=1, pnginfo=text)
    return out.getvalue()


def _stretched(pixels: np.ndarray) -> Image.Image:
    low, high = _extremes(pixels)
    scaled = pixels - np.float32(low)
    scaled *= np.float32(255 / max(high - low, 1e-3))
    np.clip(scaled, 0, 255, out=scaled)
    return Image.fromarray(scaled.astype(np.uint8))


def _extremes(pixels: np.ndarray) -> tuple[float, float]:
    step = [max(1, side // _SAMPLE) for side in pixels.shape]
    low, high = np.percentile(pixels[:: step[0], :: step[1]], (_DARKEST, _BRIGHTEST))
    return low, high
