"""Changes to training images that a hospital could have made: each can be switched off.

Only ever applied to the training split.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from skimage.exposure import equalize_adapthist
from skimage.filters import gaussian

from model.framing.box import WHOLE, Box
from model.input.preprocess import Preprocessing, crop_and_stretch
from training.data.style import Style, restyled


@dataclass(frozen=True)
class Augmentation:
    """How strong each change may be; 0 switches it off.

    crop: what is cut off each side is drawn from `crop_least`..`crop` (shares of the side,
    each side its own; negative: added), so that size, place and proportions change.
    edge: chance that the film ends somewhere between its edge and the lungs.
    flip: chance of a mirror image. rotation, shear: degrees either way.
    clahe: chance of local contrast (CLAHE: Pizer et al. 1987), as some machines' software adds it.
    restyle: chance of another hospital's style, half of it or more (`training.data.style`).
    shading: uneven brightness, either way, 0..1.
    gamma: the logarithm of the exponent is within this. contrast, brightness: either way, 0..1.
    resample: chance of scaling down and up again. blur, noise, jpeg, webp: chance of a blur, of
    noise, of what JPEG adds, of what WebP takes away; at most one of these five is applied.

    Of the article's options, shift and zoom are `crop`, channel shift is `brightness`. Its
    featurewise normalisation and ZCA are not changes but a preprocessing of their own: an X-ray is
    stretched by itself instead, because a hospital's mean is what must not matter.
    """

    crop_least: float = 0.01
    crop: float = 0.12
    edge: float = 0.0
    flip: float = 0.5
    rotation: float = 10.0
    shear: float = 0.0
    clahe: float = 0.0
    restyle: float = 0.0
    shading: float = 0.0
    gamma: float = 0.4
    contrast: float = 0.25
    brightness: float = 0.08
    resample: float = 0.25
    blur: float = 0.0
    noise: float = 0.2
    jpeg: float = 0.15
    webp: float = 0.0


def augment(
    pixels: np.ndarray,
    augmentation: Augmentation,
    preprocessing: Preprocessing,
    random: np.random.Generator,
    donors: Sequence[Sequence[Style]] = (),
    around: Box = WHOLE,
) -> np.ndarray:
    """pixels: (H, W) float32 grey, 0..1; left alone. Returns: (S, S) float32, 0..1.

    donors: groups of styles to borrow; each group is as likely as any other. around: the part of
    the film that is shown without any crop.
    """
    pixels, box = move(pixels, augmentation, random, float(pixels.mean()), around)
    grey = crop_and_stretch(pixels, preprocessing, box)
    if augmentation.clahe and random.random() < augmentation.clahe:
        grey = equalize_adapthist(grey, clip_limit=random.uniform(0.005, 0.02)).astype(np.float32)
    if donors and random.random() < augmentation.restyle:
        group = donors[random.integers(len(donors))]
        grey = restyled(grey, group[random.integers(len(group))], random.uniform(0.5, 1))
    grey = _shade(grey, augmentation, random)
    grey = _change_exposure(grey, augmentation, random)
    return _degrade(grey, augmentation, random).astype(np.float32)


def move(
    pixels: np.ndarray,
    augmentation: Augmentation,
    random: np.random.Generator,
    fill: float,
    around: Box = WHOLE,
) -> tuple[np.ndarray, Box]:
    """The part of `augment` that moves things: mirrored, turned, slanted, and the part that stays.

    pixels: (H, W) float32, an X-ray or what was drawn on it; left alone. random: in the same state,
    both move alike. fill: the value of corners that a turn or a slant brings in.
    """
    if augmentation.edge and random.random() < augmentation.edge:
        pixels, around = _shortened(pixels, around, random)
    box = _jittered(around, augmentation, random)
    if random.random() < augmentation.flip:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
        box = Box(1 - box.right, box.top, 1 - box.left, box.bottom)
    if augmentation.rotation and random.random() < 0.7:
        turned = Image.fromarray(pixels).rotate(
            random.uniform(-augmentation.rotation, augmentation.rotation),
            Image.Resampling.BILINEAR,
            fillcolor=fill,
        )
        pixels = np.asarray(turned)
    if augmentation.shear and random.random() < 0.7:
        slope = np.tan(np.radians(random.uniform(-augmentation.shear, augmentation.shear)))
        middle = pixels.shape[0] / 2
        slanted = Image.fromarray(pixels).transform(
            pixels.shape[::-1],
            Image.Transform.AFFINE,
            (1, slope, -slope * middle, 0, 1, 0),
            Image.Resampling.BILINEAR,
            fillcolor=fill,
        )
        pixels = np.asarray(slanted)
    return pixels, box


def _jittered(around: Box, augmentation: Augmentation, random: np.random.Generator) -> Box:
    least, most = augmentation.crop_least, augmentation.crop
    width, height = around.right - around.left, around.bottom - around.top
    left, top = random.uniform(least, most, 2)
    right, bottom = random.uniform(least, most, 2)
    return Box(
        around.left + left * width,
        around.top + top * height,
        around.right - right * width,
        around.bottom - bottom * height,
    )


def _shortened(
    pixels: np.ndarray, around: Box, random: np.random.Generator
) -> tuple[np.ndarray, Box]:
    """The film cut somewhere outside of nine tenths of `around`, and `around` on what is left."""
    height, width = pixels.shape
    x, y = (around.right - around.left) / 10, (around.bottom - around.top) / 10

    def cut_off(room: float, side: int) -> int:
        return int(random.uniform(0, max(0.0, room)) * side)

    left, top = cut_off(around.left + x, width), cut_off(around.top + y, height)
    right = width - cut_off(1 - around.right + x, width)
    bottom = height - cut_off(1 - around.bottom + y, height)
    kept = Box(left / width, top / height, right / width, bottom / height)
    return np.ascontiguousarray(pixels[top:bottom, left:right]), around.within(kept)


def _shade(grey, augmentation, random) -> np.ndarray:
    if not augmentation.shading:
        return grey
    corners = random.uniform(-augmentation.shading, augmentation.shading, (3, 3))
    shade = Image.fromarray(corners.astype(np.float32)).resize(
        grey.shape[::-1], Image.Resampling.BICUBIC
    )
    return np.clip(grey + np.asarray(shade), 0, 1)


def _change_exposure(grey, augmentation, random) -> np.ndarray:
    if augmentation.gamma and random.random() < 0.6:
        grey = grey ** np.exp(random.uniform(-augmentation.gamma, augmentation.gamma))
    if (augmentation.contrast or augmentation.brightness) and random.random() < 0.5:
        contrast = 1 + random.uniform(-augmentation.contrast, augmentation.contrast)
        brightness = random.uniform(-augmentation.brightness, augmentation.brightness)
        grey = np.clip((grey - 0.5) * contrast + 0.5 + brightness, 0, 1)
    return grey


def _degrade(grey, augmentation, random) -> np.ndarray:
    kind = random.random()
    if kind < augmentation.resample:
        size = grey.shape[0]
        small = (int(size * random.uniform(0.4, 0.8)),) * 2
        picture = Image.fromarray(grey.astype(np.float32)).resize(small, Image.Resampling.BILINEAR)
        return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    kind -= augmentation.resample
    if kind < augmentation.blur:
        return gaussian(grey, random.uniform(0.3, 1.3))
    kind -= augmentation.blur
    if kind < augmentation.noise:
        return np.clip(grey + random.normal(0, random.uniform(0.01, 0.05), grey.shape), 0, 1)
    kind -= augmentation.noise
    if kind < augmentation.jpeg:
        return _encoded(grey, "JPEG", random.uniform(25, 80))
    kind -= augmentation.jpeg
    if kind < augmentation.webp:
        return _encoded(grey, "WEBP", random.uniform(25, 90))
    return grey


def _encoded(grey, form: str, quality: float) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray((grey * 255).astype(np.uint8)).save(buffer, form, quality=int(quality))
    return np.asarray(Image.open(buffer).convert("L"), np.float32) / 255
