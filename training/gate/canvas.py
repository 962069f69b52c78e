"""What the makers of pictures share: (H, W) float32 grey pictures, 0..1, and how to vary them."""

import numpy as np
from PIL import Image, ImageFilter

Random = np.random.Generator

SIDE = 256  # pixels, about the side of what is made here


def grey(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"), dtype=np.float32) / 255


def unit(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return ((values - low) / max(high - low, 1e-6)).astype(np.float32)


def zoomed(picture: np.ndarray, side: int) -> np.ndarray:
    image = Image.fromarray(picture.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def random_view(
    random: Random, picture: np.ndarray, smallest: float, largest: float = 1.0
) -> np.ndarray:
    """A random rectangle of a picture, `smallest`..`largest` of each side, or its mirror."""
    height, width = (int(random.uniform(smallest, largest) * side) for side in picture.shape)
    top = int(random.integers(picture.shape[0] - height + 1))
    left = int(random.integers(picture.shape[1] - width + 1))
    view = picture[top : top + height, left : left + width]
    return np.ascontiguousarray(view[:, ::-1] if random.random() < 0.5 else view)


def coloured_noise(random: Random, slope: float) -> np.ndarray:
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(random.normal(size=(SIDE, SIDE))) / frequency**slope
    spectrum[0, 0] = 0
    return unit(np.fft.irfft2(spectrum, s=(SIDE, SIDE)))


def finished(random: Random, values: np.ndarray) -> np.ndarray:
    """Blur, grain and sometimes the other polarity, as a scanner would add."""
    image = Image.fromarray((unit(values) * 255).astype(np.uint8))
    blurred = grey(image.filter(ImageFilter.GaussianBlur(random.uniform(0, 4))))
    blurred += random.uniform(0, 0.08) * coloured_noise(random, random.uniform(0, 1.5))
    picture = unit(blurred)
    return 1 - picture if random.random() < 0.3 else picture
