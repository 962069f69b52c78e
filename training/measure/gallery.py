"""Films with what radiologists drew on them beside what the model says: a model judged by eye.

    CXR_DATA=folder python -m training.measure.gallery gallery.png [--model ARTIFACT] [--seed 0]

Four that are right, four that are wrong, two that are uncertain and two that were refused, each the
first of its kind in a random order of the split `test`: nobody chose them. Only films on which
radiologists drew boxes, or of people without a finding, so that each map can be compared; the
refused are pictures of `not_frontal` that the gate was not fitted on. The picture shows X-rays of
the data: it is for whoever may see those.
"""

import io
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from model import DISCLAIMER
from model.classifier import Classifier, Result
from model.drawing.maps import overlay_png, png
from model.drawing.pictures import grey
from model.errors import Rejection
from model.framing.box import Box
from model.reading.radiograph import decode
from training.data.findings import read_findings
from training.data.manifest import read_data
from training.data.mistakes import LAST, read_mistakes
from training.data.option import DATA_FOLDER
from training.data.samples import Classes
from training.data.splits import of_split
from training.errors import training_errors
from training.measure.evaluate import WELL

# How many of each kind, and in which row.
ROWS: tuple[dict[str, int], ...] = ({"right": 4}, {"wrong": 4}, {"uncertain": 2, "refused": 2})
WANTED = {kind: count for row in ROWS for kind, count in row.items()}


@dataclass(frozen=True)
class Picture:
    """A file, what it shows, and what radiologists drew on it."""

    path: Path
    shows: str
    boxes: Sequence[Box] = ()


@dataclass(frozen=True)
class Shown:
    """A picture and what the model said, or why it said nothing."""

    picture: Picture
    said: Result | Rejection

    @property
    def kind(self) -> str:
        if isinstance(self.said, Rejection):
            return "refused"
        if self.said.uncertain:
            return "uncertain"
        return "right" if self.said.label == self.picture.shows else "wrong"


def first_of_each(
    classifier: Classifier, pictures: Iterable[Picture], wanted: Mapping[str, int]
) -> dict[str, list[Shown]]:
    """By kind, the first pictures in their order, as many as are wanted, or as there are."""
    found: dict[str, list[Shown]] = {kind: [] for kind in wanted}
    missing = Counter(wanted)
    for picture in pictures:
        if not missing:
            break
        try:
            said = classifier.classify([classifier.prepare(picture.path)])[0]
        except Rejection as rejection:
            said = rejection
        shown = Shown(picture, said)
        if missing[shown.kind]:
            found[shown.kind].append(shown)
            missing = +(missing - Counter([shown.kind]))
    return found


def draw(found: Mapping[str, Sequence[Shown]], title: str) -> Figure:
    """Every picture twice, side by side: with the boxes, and with the map that was looked with."""
    figure = Figure(figsize=(20, 9.5), dpi=100, layout="constrained")
    grid = figure.subplots(len(ROWS), 2 * max(sum(row.values()) for row in ROWS))
    for axes in grid.ravel():
        axes.axis("off")
    for row, kinds in zip(grid, ROWS, strict=True):
        shown = [one for kind in kinds for one in found[kind]]
        for number, one in enumerate(shown):
            _draw(row[2 * number : 2 * number + 2], one)
    figure.suptitle(title)
    figure.supxlabel(DISCLAIMER, fontsize=9)
    return figure


def _draw(pair, shown: Shown) -> None:
    left, right = pair
    film = grey(decode(shown.picture.path), max_side=420)
    left.imshow(film, cmap="gray", vmin=0, vmax=255)
    left.set_title(f"{shown.kind}\nlabelled {shown.picture.shows}", fontsize=9)
    if isinstance(shown.said, Rejection):
        sentence = textwrap.fill(shown.said.message, 28)
        right.text(0.5, 0.5, sentence, ha="center", va="center", fontsize=9)
        return
    said, grids = shown.said, shown.said.maps
    main = next(iter(grids.values()), None)
    over = png(film) if main is None else overlay_png(film, main, said.box)
    right.imshow(np.asarray(Image.open(io.BytesIO(over))))
    why = f" ({', '.join(said.uncertain_reasons)})" if said.uncertain else ""
    right.set_title(f"called {said.label}\n{said.probabilities[said.label]:.2f}{why}", fontsize=9)
    for axes in pair:
        for box in shown.picture.boxes:
            place = box.left * film.width, box.top * film.height
            size = (box.right - box.left) * film.width, (box.bottom - box.top) * film.height
            axes.add_patch(Rectangle(place, *size, fill=False, edgecolor="white", linewidth=1.2))


@click.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--model", "artifact", type=click.Path(exists=True, path_type=Path))
@click.option("--seed", default=0, show_default=True, help="Of the random order.")
@DATA_FOLDER
def main(out: Path, artifact: Path | None, seed: int, data: Path) -> None:
    """Draw twelve pictures with boxes and maps into the file OUT (PNG, PDF or SVG)."""
    with training_errors():
        classifier = Classifier.load(artifact)
        drawn = read_findings(data)
        films = [
            Picture(sample.path, sample.label, drawn.get(sample.path, ()))
            for sample in of_split(read_data(data, Classes(classifier.labels)), "test")
            if sample.label == WELL or sample.path in drawn
        ]
        others = [Picture(one.path, one.kind) for one in read_mistakes(data) if one.block == LAST]
        random = np.random.default_rng(seed)
        wanted = dict(WANTED)
        refused = {"refused": wanted.pop("refused")}
        found = first_of_each(classifier, _shuffled(films, random), wanted)
        found |= first_of_each(classifier, _shuffled(others, random), refused)
        title = f"{classifier.version}: the first of their kind among {len(films)} films of `test`"
        draw(found, title).savefig(out)
    for kind, some in found.items():
        click.echo(f"{kind}: {len(some)} of {WANTED[kind]}")


def _shuffled(pictures: Sequence[Picture], random: np.random.Generator) -> Iterator[Picture]:
    return (pictures[number] for number in random.permutation(len(pictures)))


if __name__ == "__main__":
    main()
