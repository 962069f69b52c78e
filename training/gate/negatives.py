"""Pictures that are not frontal chest X-rays, for fitting and measuring the gate.

A maker takes a random generator and the split's name and returns (H, W) float32 grey, 0..1; one
that spoils a chest takes the chest instead of the split. `KINDS` and `CHEST_KINDS` map a kind's
name to its maker, so that whole kinds can be held out.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from training.gate.bodies import bones, slice_of_body
from training.gate.canvas import SIDE, Random, random_view, unit, zoomed
from training.gate.drawn import chart, page, pattern, screen
from training.gate.figures import figure
from training.gate.found import faces, photographs, pick


def photograph(random: Random, split: str) -> np.ndarray:
    return random_view(random, pick(random, photographs(), split), smallest=0.4)


def face(random: Random, split: str) -> np.ndarray:
    return zoomed(pick(random, faces(), split), SIDE)


def piece_of_chest(random: Random, chest: np.ndarray) -> np.ndarray:
    """What is left of a chest X-ray when its shape is gone: a detail, a shuffle."""
    height, width = chest.shape
    kind = random.integers(4)
    if kind == 0:
        return random_view(random, chest, smallest=0.15, largest=0.4)
    if kind == 1:
        shift = random.uniform(0.3, 0.7, 2) * random.choice([[0, 1], [1, 0], [1, 1]])
        return np.roll(chest, (int(shift[0] * height), int(shift[1] * width)), (0, 1))
    if kind == 2:
        spectrum = np.abs(np.fft.rfft2(chest - chest.mean()))
        phase = np.angle(np.fft.rfft2(random.normal(size=chest.shape)))
        return unit(np.fft.irfft2(spectrum * np.exp(1j * phase), s=chest.shape))
    rows, columns = random.integers(1, 4), random.integers(2, 4)
    small = zoomed(chest, SIDE // int(columns))
    return np.tile(small, (rows, columns))


def half_chest(random: Random, chest: np.ndarray) -> np.ndarray:
    """One lung, about."""
    middle = int(chest.shape[1] * random.uniform(0.42, 0.58))
    return np.ascontiguousarray(chest[:, :middle] if random.random() < 0.5 else chest[:, middle:])


def chest_on_a_screen(random: Random, chest: np.ndarray) -> np.ndarray:
    """A small chest on a page or a screen with much else, or photographed from a monitor at an
    angle: the network would judge the surroundings, too."""
    around = screen if random.random() < 0.5 else page
    canvas = Image.fromarray(around(random, "train"))
    side = random.uniform(0.25, 0.5)
    size = [max(20, int(side * length)) for length in canvas.size]
    film = Image.fromarray(chest).resize(size)
    place = [
        int(random.integers(whole - part + 1))
        for whole, part in zip(canvas.size, size, strict=True)
    ]
    canvas.paste(film, place)
    if random.random() < 0.4:
        width, height = canvas.size
        corners = (
            np.array([0, 0, 0, height, width, height, width, 0]) + random.normal(0, 0.1, 8) * width
        )
        canvas = canvas.transform(
            canvas.size, Image.Transform.QUAD, tuple(corners), Image.Resampling.BILINEAR
        )
    return np.clip(np.asarray(canvas, np.float32), 0, 1)


def turned_chest(random: Random, chest: np.ndarray) -> np.ndarray:
    """Lying on its side or upside down: the network has never seen one, so it may not guess."""
    return np.ascontiguousarray(np.rot90(chest, int(random.integers(1, 4))))


KINDS: dict[str, Callable[[Random, str], np.ndarray]] = {
    "photograph": photograph,
    "face": face,
    "page": page,
    "chart": chart,
    "figure": figure,
    "screen": screen,
    "pattern": pattern,
    "slice": slice_of_body,
    "bones": bones,
}
CHEST_KINDS: dict[str, Callable[[Random, np.ndarray], np.ndarray]] = {
    "piece": piece_of_chest,
    "half": half_chest,
    "on a screen": chest_on_a_screen,
    "turned": turned_chest,
}
