"""Drawn pictures that are not radiographs: pages, charts, screens, patterns."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.gate.canvas import SIDE, Random, coloured_noise, grey, random_view, unit
from training.gate.found import pick, scanned_pages

_TEXT = (
    "the patient report invoice of a table page clinical and lungs with total 2021 date in "
    "hospital name order figure method result we show that to is for address phone"
)
_WORDS = _TEXT.split()


def page(random: Random, split: str) -> np.ndarray:
    if random.random() < 0.1:
        return random_view(random, pick(random, scanned_pages(), split), smallest=0.5)
    canvas, draw = _sheet(random, 255 if random.random() < 0.8 else int(random.integers(0, 256)))
    ink = 0 if np.mean(canvas.getpixel((0, 0))) > 100 else 255
    size = int(random.integers(6, 26))
    margin = int(random.integers(2, 40))
    y = margin
    while y < canvas.height - margin:
        if random.random() > 0.12:
            line = " ".join(random.choice(_WORDS, size=40))
            room = canvas.width - 2 * margin
            length = int(room / (size * 0.5) * (1 if random.random() < 0.8 else random.random()))
            draw.text((margin, y), line[:length], fill=ink, font=_font(size))
        y += int(size * random.uniform(1.1, 1.6))
    return grey(canvas)


def chart(random: Random, _split: str) -> np.ndarray:
    canvas, draw = _sheet(random, 255 if random.random() < 0.8 else 0)
    paper = canvas.getpixel((0, 0))
    left, top, right, bottom = 30, 20, canvas.width - 15, canvas.height - 25
    draw.rectangle((left, top, right, bottom), outline=255 - paper)
    kind = random.integers(4)
    n = int(random.integers(3, 40))
    x = np.linspace(left, right, n)
    for _ in range(int(random.integers(1, 4))):
        ink = int(random.integers(0, 256))
        y = bottom - (bottom - top) * np.clip(np.cumsum(random.normal(0, 0.15, n)) + 0.5, 0, 1)
        if kind == 0:
            draw.line(list(zip(x, y, strict=True)), fill=ink, width=int(random.integers(1, 4)))
        elif kind == 1:
            for a, b in zip(x, y, strict=True):
                draw.rectangle((a, min(b, bottom), a + 0.7 * (right - left) / n, bottom), fill=ink)
        elif kind == 2:
            for a, b in zip(x, y, strict=True):
                draw.ellipse((a - 3, b - 3, a + 3, b + 3), fill=ink)
        else:
            start = int(random.integers(0, 360))
            extent = int(random.integers(30, 200))
            draw.pieslice((left + 20, top + 5, right - 20, bottom - 5), start, start + extent, ink)
    for i in range(6):
        draw.text((left + i * (right - left) / 6, bottom + 5), str(i * n), 255 - paper, _font(10))
    draw.text((left, 4), " ".join(random.choice(_WORDS, size=4)), 255 - paper, _font(12))
    return grey(canvas)


def screen(random: Random, _split: str) -> np.ndarray:
    canvas, draw = _sheet(random, int(random.integers(0, 256)))
    for _ in range(int(random.integers(4, 30))):
        x, y = random.integers(0, canvas.width), random.integers(0, canvas.height)
        width, height = random.integers(10, canvas.width), random.integers(8, canvas.height // 2)
        draw.rectangle((x, y, x + width, y + height), fill=int(random.integers(0, 256)))
        size = int(random.integers(7, 16))
        words = " ".join(random.choice(_WORDS, size=int(random.integers(1, 8))))
        draw.text((x + 3, y + 2), words, fill=int(random.integers(0, 256)), font=_font(size))
    return grey(canvas)


def pattern(random: Random, _split: str) -> np.ndarray:
    """Noise of any colour, gradients, checks, rings, blobs."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    kind = random.integers(6)
    if kind == 0:
        return coloured_noise(random, random.uniform(0, 2.5))
    if kind == 1:
        values = x * random.normal() + y * random.normal() + 0.02 * random.normal(size=x.shape)
    elif kind == 2:
        checks = random.integers(2, 20, 2)
        values = (np.floor(x * checks[0]) + np.floor(y * checks[1])) % 2
    elif kind == 3:
        centre = random.uniform(0, 1, 2)
        distance = np.hypot(x - centre[0], y - centre[1])
        values = np.cos(distance * random.uniform(2, 60)) if random.random() < 0.5 else distance
    elif kind == 4:
        values = np.zeros_like(x)
        for _ in range(int(random.integers(1, 12))):
            a, b, size = *random.uniform(0, 1, 2), random.uniform(0.02, 0.3)
            values += random.normal() * np.exp(-((x - a) ** 2 + (y - b) ** 2) / size**2)
    else:
        values = np.sin(2 * np.pi * (x * random.uniform(0, 15) + y * random.uniform(0, 15)))
    return unit(values + random.uniform(0, 0.1) * random.normal(size=x.shape))


def _sheet(random: Random, paper: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    size = (int(SIDE * random.uniform(0.7, 1.6)), int(SIDE * random.uniform(0.7, 1.6)))
    canvas = Image.new("L", size, paper)
    return canvas, ImageDraw.Draw(canvas)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
