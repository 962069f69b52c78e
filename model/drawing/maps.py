"""A map over the picture of an X-ray, and such pictures as files.

Pillow does all per-pixel work: a 1024 pixel overlay takes about 0.1 s. Nothing here decodes a file
of a clinic: the web server draws with it.
"""

import io
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image

JPEG_QUALITY = 85
# Black over violet, red and orange to pale yellow: brightness rises evenly, so that the order of
# values also shows in grey and to the colour-blind.
_STOPS = (
    (0, 0, 4),
    (31, 12, 72),
    (85, 15, 109),
    (136, 34, 106),
    (186, 54, 85),
    (227, 89, 51),
    (249, 140, 10),
    (249, 201, 50),
    (252, 255, 164),
)


# Blue and orange, which the colour-blind tell apart; how strong they are says how much.
AGAINST, FOR = (64, 144, 255), (255, 138, 0)


def overlay_png(
    picture: Image.Image,
    grid: np.ndarray,
    box: Sequence[float],
    opacity: float = 0.4,
    strongest: float | None = None,
) -> bytes:
    """A grey picture of an X-ray with a map over it, as an RGB PNG of the same size.

    Where the map is least (of a signed map: where it is 0) the X-ray shows as it is: a reader must
    not lose contrast where the network saw nothing to look at.

    grid: (h, w), any float; its own minimum..maximum is spread over the colours.
    strongest: of a signed map, the value, positive or negative, that is drawn at full colour:
        orange what is over 0, blue what is under it. None: the map is not signed.
    box: (left, top, right, bottom), 0..1 of the X-ray, that the grid covers; outside it the X-ray
        shows unchanged.
    opacity: of the colour of the highest value, 0..1; lower values are more transparent.
    Raises ValueError for an opacity or box outside 0..1, a grid that is not 2-D or not finite.
    """
    left, top, right, bottom = _in_pixels(box, picture.size)
    if not 0 <= opacity <= 1:
        raise ValueError(f"The opacity must be in 0..1. Received: {opacity}")
    size = (right - left, bottom - top)
    grid = _checked(grid)
    if strongest is None:
        span = float(grid.max() - grid.min())
        levels = _levels((grid - grid.min()) / span if span > 0 else np.zeros_like(grid), size)
        colours = levels.copy()
        colours.putpalette(colour_map().tobytes())
        layers = [(colours.convert("RGB"), levels)]
    else:
        shares = grid / strongest if strongest > 0 else np.zeros_like(grid)
        layers = [
            (Image.new("RGB", size, colour), _levels(sign * shares, size))
            for colour, sign in ((FOR, 1), (AGAINST, -1))
        ]
    shown = picture.convert("RGB")
    for colours, levels in layers:
        mask = levels.point(lambda level: round(level * opacity))
        shown.paste(colours, (left, top), mask=mask)
    return png(shown)


@cache
def colour_map() -> np.ndarray:
    """(256, 3) uint8 RGB, the colours from no to full attention."""
    stops = np.array(_STOPS, dtype=np.float64)
    places = np.linspace(0, 255, len(stops))
    channels = [np.interp(np.arange(256), places, stops[:, channel]) for channel in range(3)]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8)


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    # The fastest level: X-rays are noise, which higher ones shrink by a few per cent only.
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _checked(grid: np.ndarray) -> np.ndarray:
    grid = np.asarray(grid, dtype=np.float32)
    if grid.ndim != 2 or not grid.size or not np.isfinite(grid).all():
        raise ValueError(
            "The grid of a map must be a (height, width) array of finite numbers. "
            f"Received: shape {grid.shape}"
        )
    return grid


def _levels(shares: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """Shares of full colour at the size (width, height): what is under 0 is 0, 1 and more 255."""
    # Enlarged as floats: eight bits would show as steps between neighbouring cells.
    smooth = np.asarray(Image.fromarray(shares * 255).resize(size, Image.Resampling.BICUBIC))
    return Image.fromarray(np.clip(np.rint(smooth), 0, 255).astype(np.uint8), mode="L")


def _in_pixels(box: Sequence[float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError(f"The box must lie in 0..1, left to right, top to bottom. Received: {box}")
    width, height = size
    x, y = round(left * width), round(top * height)
    return x, y, max(x + 1, round(right * width)), max(y + 1, round(bottom * height))
