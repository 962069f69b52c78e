"""Chest X-rays as the gate may meet them: variants of the manifest's images, for fitting it."""

import numpy as np
from PIL import Image, ImageDraw

MARKS = ("R", "L", "AP PORTABLE 12:30", "PA ERECT", "SUPINE")


def as_sent(random: np.random.Generator, chest: np.ndarray) -> np.ndarray:
    """A negative, pale, dark, tilted, cropped, squashed, framed, lettered or grainy copy.

    chest: (H, W) float32 0..1, left alone. Returns: the same form, of another size.
    """
    picture = chest
    for chance, change in (
        (0.4, lambda p: 1 - p),
        (0.5, lambda p: p ** random.uniform(0.4, 2.5)),
        (0.3, lambda p: _pale(random, p)),
        (0.5, lambda p: _tilted(random, p)),
        (0.4, lambda p: _cropped(random, p)),
        (0.4, lambda p: _squashed(random, p)),
        (0.4, lambda p: _framed(random, p)),
        (0.3, lambda p: _lettered(random, p)),
        (0.3, lambda p: p + random.normal(0, random.uniform(0, 0.05), p.shape)),
        (0.5, lambda p: p[:, ::-1]),
    ):
        if random.random() < chance:
            picture = np.clip(change(picture), 0, 1).astype(np.float32)
    return np.ascontiguousarray(picture)


def _pale(random: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    narrow = picture * random.uniform(0.1, 0.5) + random.uniform(0, 0.5)
    return np.round(narrow * 255) / 255


def _tilted(random: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray(picture)
    ground = float(random.integers(2))
    return np.asarray(
        image.rotate(random.uniform(-10, 10), Image.Resampling.BILINEAR, fillcolor=ground)
    )


def _cropped(random: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape
    top, bottom = (int(height * random.uniform(0, 0.12)) for _ in range(2))
    left, right = (int(width * random.uniform(0, 0.12)) for _ in range(2))
    return picture[top : height - bottom, left : width - right]


def _squashed(random: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    height, width = (int(side * random.uniform(0.7, 1.3)) for side in picture.shape)
    return np.asarray(Image.fromarray(picture).resize((width, height)))


def _framed(random: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape
    sides = [
        [int(side * random.uniform(0, 0.2)) if random.random() < 0.6 else 0 for _ in range(2)]
        for side in (height, width)
    ]
    return np.pad(picture, sides, constant_values=float(random.choice([0, 0, 1, 0.5])))


def _lettered(random: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray((picture * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(int(random.integers(1, 6))):
        place = (int(random.integers(image.width)), int(random.integers(image.height)))
        draw.text(place, str(random.choice(MARKS)), fill=int(random.choice([0, 255])))
    return np.asarray(image, dtype=np.float32) / 255
