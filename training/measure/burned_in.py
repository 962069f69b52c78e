"""How well text that is burned into a film is found (`model.reading.burned_in`).

    CXR_DATA=folder python -m training.measure.burned_in [--use check]

`burned_in.csv` lists films that a person has looked at: does one hold a word or number of three or
more letters, for certain (`yes`), for certain not (`no`; side markers, plates and arrows do not
count), or can that not be told at this size (`unsure`)? By the films of `choose` the detector's
limits were chosen; those of `measure` were drawn at random afterwards, and its false alarms there
were looked at later. Those of `check` were drawn at random, and looked at, after that: no limit was
chosen by what it finds there.

Small films say little about text as clinics have it. So each film without text is also enlarged to
the size of a detector, with its grain, lines as scanners write them are drawn onto it in several
fonts, and it is reduced again as a DICOM file is.
"""

import csv
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import binomtest

from model.reading.burned_in import text_boxes
from model.reading.pixels import shrunk
from training.data.option import DATA_FOLDER

LOOKED_AT = Path(__file__).with_name("burned_in.csv")
AT_LEAST = 384  # pixels a side at which workers look, as the released network's input needs
SIDES = (1500, 2000, 2500, 2900)  # of detectors
GRAIN = (0.005, 0.01, 0.02)
FONTS = ("DejaVuSans", "DejaVuSerif", "LiberationSans", "LiberationMono", "LiberationSerif")
LETTERS = (0.011, 0.025)  # height of a letter, as a share of the film's
MARKERS = (0.03, 0.06)
NAMES = (
    *("GARCIA^MARIA", "SMITH, JOHN", "Müller Anna", "DOE JANE F", "LI WEI", "ROSSI GIOVANNI"),
    *("Kowalska Ewa", "OKAFOR C.", "NGUYEN THI", "SANTOS ANA P"),
)
STYLES = ("white", "white", "white", "on a black box", "black on a white box")


@dataclass(frozen=True)
class Drawn:
    """pixels: (H, W) float32 0..1, reduced. place: of the text, (left, top, right, bottom) 0..1."""

    pixels: np.ndarray
    place: tuple[float, float, float, float]
    white_on_white: bool


def enlarged(film: np.ndarray, chance: random.Random) -> np.ndarray:
    factor = chance.choice(SIDES) / min(film.shape)
    size = tuple(round(side * factor) for side in reversed(film.shape))
    large = np.asarray(Image.fromarray(film).resize(size, Image.Resampling.BICUBIC))
    grain = np.random.default_rng(chance.randrange(1 << 30)).normal(
        0, chance.choice(GRAIN), large.shape
    )
    return np.clip(large + grain.astype(np.float32), 0, 1)


def with_text(film: np.ndarray, fonts: Sequence[str], chance: random.Random) -> Drawn:
    """One to four lines of a name, numbers and dates, at the film's upper or lower edge."""
    height, width = film.shape
    size = round(height * chance.uniform(*LETTERS))
    font = ImageFont.truetype(chance.choice(fonts), size)
    lines = _lines(chance)
    across = max(font.getlength(line) for line in lines)
    margin, down = round(0.012 * height), round(1.25 * size) * len(lines)
    left = chance.choice((margin, width - margin - across, (width - across) / 2))
    top = chance.choice((margin, height - margin - down))
    left, box = max(0, left), (left, top, left + across, top + down)
    picture, style = Image.fromarray(film), chance.choice(STYLES)
    under = film[max(0, int(top)) : int(top + down), int(left) : int(left + across)]
    drawing = ImageDraw.Draw(picture)
    if style != "white":
        edges = (box[0] - size / 3, box[1] - size / 5, box[2] + size / 3, box[3] + size / 5)
        drawing.rectangle(edges, fill=float(style.startswith("black")))
    for number, line in enumerate(lines):
        place = (left, top + number * round(1.25 * size))
        drawing.text(place, line, font=font, fill=float(not style.startswith("black")))
    return Drawn(
        shrunk(np.asarray(picture), AT_LEAST),
        (box[0] / width, box[1] / height, box[2] / width, box[3] / height),
        style == "white" and float(np.median(under)) > 0.75,
    )


def with_marker(film: np.ndarray, fonts: Sequence[str], chance: random.Random) -> np.ndarray:
    """One more side marker, in the upper part of the film, reduced."""
    height, width = film.shape
    picture = Image.fromarray(film)
    font = ImageFont.truetype(chance.choice(fonts), round(height * chance.uniform(*MARKERS)))
    place = (chance.choice((0.04, 0.9)) * width, chance.uniform(0.03, 0.2) * height)
    ImageDraw.Draw(picture).text(place, chance.choice("LRDI"), font=font, fill=1.0)
    return shrunk(np.asarray(picture), AT_LEAST)


def covered(pixels: np.ndarray, place: Sequence[float]) -> float:
    """The share of a place that lies in boxes of text."""
    height, width = pixels.shape
    hidden = np.zeros(pixels.shape, bool)
    for left, top, right, bottom in text_boxes(pixels):
        rows = slice(int(top * height), int(np.ceil(bottom * height)))
        hidden[rows, int(left * width) : int(np.ceil(right * width))] = True
    left, top, right, bottom = place
    rows = slice(int(top * height), int(np.ceil(bottom * height)))
    return float(hidden[rows, int(left * width) : int(np.ceil(right * width))].mean())


def rows(data: Path, use: str) -> Iterator[tuple[str, np.ndarray]]:
    """(yes, no or unsure, film) of every film of that use; a film is (H, W) float32 0..1."""
    with LOOKED_AT.open() as file:
        for row in csv.DictReader(file):
            if row["use"] == use:
                with Image.open(data / row["path"]) as opened:
                    yield row["text"], np.asarray(opened.convert("L"), np.float32) / 255


def _lines(chance: random.Random) -> list[str]:
    lines = [
        chance.choice(NAMES),
        chance.choice(("ID {}", "MRN: {}", "{}")).format(chance.randint(10_000, 9_999_999)),
        f"*{chance.randint(1, 28):02d}.{chance.randint(1, 12):02d}.{chance.randint(1930, 2015)}",
        f"{chance.randint(2015, 2026)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
        chance.choice(("St. Anna Hospital", "UNIV. CLINIC RAD 2", "CHEST AP PORTABLE")),
    ]
    chance.shuffle(lines)
    return lines[: chance.choice((1, 1, 2, 2, 3, 4))]


def _share(name: str, found: Sequence[bool]) -> str:
    low, high = binomtest(sum(found), len(found)).proportion_ci(method="wilson")
    return f"{name}: {np.mean(found):.3f} ({low:.3f}-{high:.3f}), {sum(found)} of {len(found)}"


@click.command()
@DATA_FOLDER
@click.option("--use", type=click.Choice(["check", "measure", "choose"]), default="check")
@click.option("--seed", default=1, show_default=True)
def measure(data: Path, use: str, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (to be repeated, not to be secret)
    fonts = sorted(f for f in font_manager.findSystemFonts() if Path(f).name.startswith(FONTS))
    click.echo(f"{len(fonts)} fonts of the families {', '.join(FONTS)}")
    small: dict[str, list[bool]] = {"yes": [], "no": [], "unsure": []}
    plain, marked, drawn, spent_ms = [], [], [], []
    for said, film in rows(data, use):
        small[said].append(bool(text_boxes(film)))
        if said != "no":
            continue
        large = enlarged(film, chance)
        reduced = shrunk(large, AT_LEAST)
        began = time.thread_time()
        plain.append(bool(text_boxes(reduced)))
        spent_ms.append(1000 * (time.thread_time() - began))
        marked.append(bool(text_boxes(with_marker(large, fonts, chance))))
        drawn += [with_text(large, fonts, chance) for _ in range(2)]
    hidden = [covered(one.pixels, one.place) for one in drawn]
    on_dark = [h for h, one in zip(hidden, drawn, strict=True) if not one.white_on_white]
    click.echo(_share("text drawn, found", [share > 0.05 for share in hidden]))
    click.echo(_share("the same without white on white", [share > 0.05 for share in on_dark]))
    click.echo(_share("text drawn, hidden wholly by the mask", [share > 0.99 for share in hidden]))
    click.echo(_share("films without text, called text", plain))
    click.echo(_share("the same with one more side marker", marked))
    click.echo(_share("films as they are, without text, called text", small["no"]))
    click.echo(_share("films as they are, with text, found", small["yes"]))
    click.echo(_share("films as they are, unsure, called text", small["unsure"]))
    click.echo(
        f"ms of processor time: {np.median(spent_ms):.2f}, p95 {np.quantile(spent_ms, 0.95):.2f}"
    )


if __name__ == "__main__":
    measure()
