"""The article's augmentation: the changes of Keras' ImageDataGenerator, by their names there.

They are done to the network's own picture, the moves in one step, so that it is resampled once. Its
standardisation is part of the input and lies in `model.input.standardise`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import affine_transform

FILL_MODES = ("constant", "nearest", "reflect", "wrap")


@dataclass(frozen=True)
class Generator:
    """How far each change may go; 0, false or no range switches it off.

    rotation_range: degrees either way. width_shift_range, height_shift_range: either way, shares of
        the side; from 1 on, pixels. shear_range: degrees either way, counter-clockwise.
    zoom_range: each side is drawn at a scale of 1 - zoom_range..1 + zoom_range of its own.
    fill_mode: what is shown where the picture ends: `constant` (the grey level `cval`, 0..255),
        `nearest`, `reflect` or `wrap`.
    channel_shift_range: grey levels either way, within the picture's darkest and brightest.
    horizontal_flip, vertical_flip: a mirror image every other time.
    brightness_range: factor on the grey levels, least and most; empty: none.
    """

    rotation_range: float = 0.0
    width_shift_range: float = 0.0
    height_shift_range: float = 0.0
    shear_range: float = 0.0
    zoom_range: float = 0.0
    fill_mode: str = "nearest"
    cval: float = 0.0
    channel_shift_range: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    brightness_range: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "brightness_range", tuple(self.brightness_range))
        if self.fill_mode not in FILL_MODES:
            raise ValueError(
                f"fill_mode must be one of {', '.join(FILL_MODES)}. Received: {self.fill_mode!r}"
            )
        if len(self.brightness_range) not in (0, 2):
            raise ValueError(
                "brightness_range needs the least and the most factor. "
                f"Received: {list(self.brightness_range)}"
            )
        if not 0 <= self.zoom_range < 1:
            raise ValueError(f"zoom_range must be in 0..1. Received: {self.zoom_range}")


@dataclass(frozen=True)
class Move:
    """One change of place. rotation, shear: degrees. down, right: pixels that the view moves by.
    zoom_down, zoom_right: pixels of the picture for one that is shown."""

    rotation: float = 0.0
    down: float = 0.0
    right: float = 0.0
    shear: float = 0.0
    zoom_down: float = 1.0
    zoom_right: float = 1.0


def generated(grey: np.ndarray, generator: Generator, random: np.random.Generator) -> np.ndarray:
    """One random change of a picture. grey: (S, S) float32, 0..1; left alone. Returns: the same."""
    levels = moved(grey * np.float32(255), _drawn(generator, grey.shape, random), generator)
    if generator.channel_shift_range:
        shift = _either_way(generator.channel_shift_range, random)
        levels = np.clip(levels + shift, levels.min(), levels.max())
    if generator.horizontal_flip and random.random() < 0.5:
        levels = levels[:, ::-1]
    if generator.vertical_flip and random.random() < 0.5:
        levels = levels[::-1]
    if generator.brightness_range:
        levels = np.clip(levels * random.uniform(*generator.brightness_range), 0, 255)
    return np.ascontiguousarray(levels / 255, np.float32)


def moved(levels: np.ndarray, move: Move, generator: Generator) -> np.ndarray:
    """Levels (H, W) seen from another place: turned, shifted, slanted and zoomed, in this order,
    around the middle."""
    if move == Move():
        return levels
    turn, slant = np.deg2rad(move.rotation), np.deg2rad(move.shear)
    # From a shown pixel's (row, column) to where it lies in the picture.
    rotated = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    sheared = np.array([[np.cos(slant), 0.0], [-np.sin(slant), 1.0]])
    zoomed = np.diag([move.zoom_down, move.zoom_right])
    middle = np.array(levels.shape) / 2 - 0.5
    matrix = rotated @ sheared @ zoomed
    offset = middle + rotated @ np.array([move.down, move.right]) - matrix @ middle
    return affine_transform(
        levels, matrix, offset, order=1, mode=generator.fill_mode, cval=generator.cval
    )


def _drawn(generator: Generator, shape: tuple[int, int], random: np.random.Generator) -> Move:
    height, width = shape
    low, high = 1 - generator.zoom_range, 1 + generator.zoom_range
    return Move(
        rotation=_either_way(generator.rotation_range, random),
        down=_either_way(_pixels(generator.height_shift_range, height), random),
        right=_either_way(_pixels(generator.width_shift_range, width), random),
        shear=_either_way(generator.shear_range, random),
        zoom_down=random.uniform(low, high),
        zoom_right=random.uniform(low, high),
    )


def _pixels(reach: float, side: int) -> float:
    return reach * side if reach < 1 else reach


def _either_way(reach: float, random: np.random.Generator) -> float:
    return float(random.uniform(-reach, reach)) if reach else 0.0
