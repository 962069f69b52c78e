"""Pictures of a decoded X-ray, for people: stretched in contrast, in its own proportions."""

import io

import numpy as np
from PIL import Image

from model.reading.radiograph import Radiograph

SMALL_MAX_SIDE = 1024  # pixels
_JPEG_QUALITY = 85
_DARKEST, _BRIGHTEST = 0.5, 99.5  # percentiles shown as black and white
_SAMPLE = 128  # about so many pixels a side tell the percentiles


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


def _stretched(pixels: np.ndarray) -> Image.Image:
    step = [max(1, side // _SAMPLE) for side in pixels.shape]
    low, high = np.percentile(pixels[:: step[0], :: step[1]], (_DARKEST, _BRIGHTEST))
    scaled = pixels - np.float32(low)
    scaled *= np.float32(255 / max(high - low, 1e-3))
    np.clip(scaled, 0, 255, out=scaled)
    return Image.fromarray(scaled.astype(np.uint8))
