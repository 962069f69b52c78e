"""Pictures that are no frontal chest X-ray, for fitting and measuring the gate.

Real ones come from packages (scikit-image, scikit-learn, matplotlib, pydicom-data) and never show
in two splits; the rest is drawn here. A maker takes a random generator and the split's name and
returns (H, W) float32 grey, 0..1. `KINDS` maps a kind's name to its maker, so that whole kinds can
be held out.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Random = np.random.Generator
Maker = Callable[[Random, str], np.ndarray]

SIDE = 256  # pixels, about the side of what is made here
_SHARES = ("train", "test", "train", "val")
_TEXT = (
    "the patient report invoice of a table page clinical and lungs with total 2021 date in "
    "hospital name order figure method result we show that to is for address phone"
)
_WORDS = _TEXT.split()


def photograph(random: Random, split: str) -> np.ndarray:
    return _random_view(random, _pick(random, _photographs(), split), smallest=0.4)


def face(random: Random, split: str) -> np.ndarray:
    return _zoomed(_pick(random, _faces(), split), SIDE)


def page(random: Random, split: str) -> np.ndarray:
    if random.random() < 0.1:
        return _random_view(random, _pick(random, _scanned_pages(), split), smallest=0.5)
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
    return _grey(canvas)


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
    return _grey(canvas)


def screen(random: Random, _split: str) -> np.ndarray:
    canvas, draw = _sheet(random, int(random.integers(0, 256)))
    for _ in range(int(random.integers(4, 30))):
        x, y = random.integers(0, canvas.width), random.integers(0, canvas.height)
        width, height = random.integers(10, canvas.width), random.integers(8, canvas.height // 2)
        draw.rectangle((x, y, x + width, y + height), fill=int(random.integers(0, 256)))
        size = int(random.integers(7, 16))
        words = " ".join(random.choice(_WORDS, size=int(random.integers(1, 8))))
        draw.text((x + 3, y + 2), words, fill=int(random.integers(0, 256)), font=_font(size))
    return _grey(canvas)


def pattern(random: Random, _split: str) -> np.ndarray:
    """Noise of any colour, gradients, checks, rings, blobs."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    kind = random.integers(6)
    if kind == 0:
        return _coloured_noise(random, random.uniform(0, 2.5))
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
    return _unit(values + random.uniform(0, 0.1) * random.normal(size=x.shape))


def slice_of_body(random: Random, split: str) -> np.ndarray:
    """CT, MR and ultrasound from pydicom-data, and ellipses like the phantom of Shepp and Logan."""
    if random.random() < 0.5:
        picture = _random_view(random, _pick(random, _slices(), split), smallest=0.6)
        return picture ** random.uniform(0.5, 1.5)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    values = np.zeros_like(x)
    width, height = random.uniform(0.5, 0.95, 2)
    body = (x / width) ** 2 + (y / height) ** 2
    values[body < 1] = random.uniform(0.2, 0.6)
    if random.random() < 0.7:  # skull, or skin
        values[(body < 1) & (body > random.uniform(0.75, 0.95))] = random.uniform(0.5, 1)
    for _ in range(int(random.integers(2, 14))):
        a, b = random.uniform(-0.6, 0.6, 2)
        p, q = random.uniform(0.03, 0.4, 2)
        turn = random.uniform(0, np.pi)
        u = (x - a) * np.cos(turn) + (y - b) * np.sin(turn)
        v = (y - b) * np.cos(turn) - (x - a) * np.sin(turn)
        inside = ((u / p) ** 2 + (v / q) ** 2 < 1) & (body < 0.9)
        values[inside] += random.normal(0, 0.2)
    return _finished(random, values)


def bones(random: Random, _split: str) -> np.ndarray:
    """Limbs: soft tissue around one to five long bones with heads, and round skulls."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    values = np.zeros_like(x)
    if random.random() < 0.15:
        body = (x / random.uniform(0.5, 0.8)) ** 2 + (y / random.uniform(0.6, 0.95)) ** 2
        values += 0.4 * np.clip(1 - body, 0, 1) ** 0.3 + 0.4 * ((body < 1) & (body > 0.85))
        for _ in range(6):
            values += random.normal(0, 0.15) * np.exp(
                -((x - random.normal(0, 0.3)) ** 2 + (y - random.normal(0.2, 0.3)) ** 2) / 0.03
            )
        return _finished(random, values)
    limbs = int(random.integers(1, 6))
    turn = random.normal(0, 0.15) + (np.pi / 2 if random.random() < 0.15 else 0)
    x, y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    for limb in range(limbs):
        middle = (limb + 0.5) / limbs * 1.8 - 0.9 if limbs > 1 else random.normal(0, 0.2)
        lean = random.normal(0, 0.1) + (limb - limbs / 2 + 0.5) * random.uniform(0, 0.25)
        u = x - middle - lean * y
        flesh = random.uniform(0.35, 0.9) / limbs * (1 + random.normal(0, 0.2) * y)
        values = np.maximum(values, 0.45 * np.clip(1 - (u / np.abs(flesh)) ** 2, 0, None) ** 0.5)
        for side in (-1, 1) if random.random() < 0.4 else (0,):
            values += _bone(random, u - side * flesh * 0.4, y, flesh * random.uniform(0.15, 0.45))
    return _finished(random, values)


def _bone(random: Random, u: np.ndarray, y: np.ndarray, radius: np.ndarray) -> np.ndarray:
    joint = random.uniform(-0.8, 0.8)
    thick = np.abs(radius) * (1 + random.uniform(0.3, 1) * np.exp(-(((y - joint) / 0.2) ** 2)))
    inside = np.clip(1 - (u / thick) ** 2, 0, None)
    shaft = np.sqrt(inside) - random.uniform(0.2, 0.7) * np.sqrt(np.clip(inside - 0.4, 0, None))
    return random.uniform(0.3, 0.7) * shaft * (np.abs(y - joint) > random.uniform(0.005, 0.03))


def piece_of_chest(random: Random, chest: np.ndarray) -> np.ndarray:
    """What is left of a chest X-ray when its shape is gone: a detail, a shuffle, a half."""
    height, width = chest.shape
    kind = random.integers(5)
    if kind == 0:
        return _random_view(random, chest, smallest=0.15, largest=0.4)
    if kind == 1:
        shift = random.uniform(0.3, 0.7, 2) * random.choice([[0, 1], [1, 0], [1, 1]])
        return np.roll(chest, (int(shift[0] * height), int(shift[1] * width)), (0, 1))
    if kind == 2:
        spectrum = np.abs(np.fft.rfft2(chest - chest.mean()))
        phase = np.angle(np.fft.rfft2(random.normal(size=chest.shape)))
        return _unit(np.fft.irfft2(spectrum * np.exp(1j * phase), s=chest.shape))
    if kind == 3:
        half = chest[:, : width // 2] if random.random() < 0.5 else chest[:, width // 2 :]
        return half
    rows, columns = random.integers(1, 4), random.integers(2, 4)
    small = _zoomed(chest, SIDE // int(columns))
    return np.tile(small, (rows, columns))


def turned_chest(random: Random, chest: np.ndarray) -> np.ndarray:
    """Lying on its side or upside down: the network has never seen one, so it may not guess."""
    return np.ascontiguousarray(np.rot90(chest, int(random.integers(1, 4))))


KINDS: dict[str, Maker] = {
    "photograph": photograph,
    "face": face,
    "page": page,
    "chart": chart,
    "screen": screen,
    "pattern": pattern,
    "slice": slice_of_body,
    "bones": bones,
}
CHEST_KINDS: dict[str, Callable[[Random, np.ndarray], np.ndarray]] = {
    "piece": piece_of_chest,
    "turned": turned_chest,
}


def _pick(random: Random, pictures: list[np.ndarray], split: str) -> np.ndarray:
    """A picture of the split's share: every fourth for `test`, every fourth for `val`."""
    mine = [p for i, p in enumerate(pictures) if _SHARES[i % len(_SHARES)] == split]
    return mine[int(random.integers(len(mine)))]


def _sheet(random: Random, paper: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    size = (int(SIDE * random.uniform(0.7, 1.6)), int(SIDE * random.uniform(0.7, 1.6)))
    canvas = Image.new("L", size, paper)
    return canvas, ImageDraw.Draw(canvas)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _grey(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"), dtype=np.float32) / 255


def _unit(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return ((values - low) / max(high - low, 1e-6)).astype(np.float32)


def _zoomed(picture: np.ndarray, side: int) -> np.ndarray:
    image = Image.fromarray(picture.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def _random_view(
    random: Random, picture: np.ndarray, smallest: float, largest: float = 1.0
) -> np.ndarray:
    """A random rectangle of a picture, `smallest`..`largest` of each side, or its mirror."""
    height, width = (int(random.uniform(smallest, largest) * side) for side in picture.shape)
    top = int(random.integers(picture.shape[0] - height + 1))
    left = int(random.integers(picture.shape[1] - width + 1))
    view = picture[top : top + height, left : left + width]
    return np.ascontiguousarray(view[:, ::-1] if random.random() < 0.5 else view)


def _coloured_noise(random: Random, slope: float) -> np.ndarray:
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(random.normal(size=(SIDE, SIDE))) / frequency**slope
    spectrum[0, 0] = 0
    return _unit(np.fft.irfft2(spectrum, s=(SIDE, SIDE)))


def _finished(random: Random, values: np.ndarray) -> np.ndarray:
    """Blur, grain and sometimes the other polarity, as a scanner would add."""
    image = Image.fromarray((_unit(values) * 255).astype(np.uint8))
    blurred = _grey(image.filter(ImageFilter.GaussianBlur(random.uniform(0, 4))))
    blurred += random.uniform(0, 0.08) * _coloured_noise(random, random.uniform(0, 1.5))
    picture = _unit(blurred)
    return 1 - picture if random.random() < 0.3 else picture


@cache
def _photographs() -> list[np.ndarray]:
    import matplotlib
    import skimage
    import sklearn

    folders = (
        (Path(skimage.__file__).parent / "data", "page text phantom horse chessboard_GRAY"),
        (Path(sklearn.__file__).parent / "datasets" / "images", ""),
        (Path(matplotlib.get_data_path()) / "sample_data", "Minduka_Present_Blue_Pack logo2"),
    )
    return [
        _opened(path)
        for folder, drawn in folders
        for path in sorted(folder.iterdir())
        if path.suffix in (".png", ".jpg") and path.stem not in drawn.split()
    ]


@cache
def _faces() -> list[np.ndarray]:
    import skimage

    faces = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")
    return list(faces.astype(np.float32))


@cache
def _scanned_pages() -> list[np.ndarray]:
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    halves = [np.array_split(_opened(folder / f"{name}.png"), 2, 1) for name in ("page", "text")]
    return [half for pair in halves for half in pair]


@cache
def _slices() -> list[np.ndarray]:
    """CT, MR and ultrasound of pydicom-data, by the decoder's own pixel path."""
    import data_store
    import pydicom
    from pydicom.pixels import pixel_array

    from model.raster import stretched

    folder = Path(data_store.__file__).parent / "data"
    names = ("693_UNCR", "MR2_UNCI", "MR-SIEMENS-DICOM-WithOverlays", "US1_UNCI", "JPEG-LL",
             "eCT_Supplemental", "explicit_VR-UN", "emri_small", "mlut_18")  # fmt: skip
    pictures = []
    for name in names:
        values = pixel_array(pydicom.dcmread(folder / f"{name}.dcm"))
        if values.shape[-1] == 3:
            values = values[..., 0]
        frames = values if values.ndim == 3 else [values]
        for frame in frames:
            clipped = np.clip(frame, *np.percentile(frame, (1, 99.5)))
            pictures.append(stretched(clipped))
    return pictures


def _opened(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        image.thumbnail((512, 512))
        return _grey(image.convert("RGB"))
