"""Whether a map shows the finding: its brightest point and its sum against radiologists' boxes.

    CXR_DATA=folder python -m training.measure.pointing [ARTIFACT]

The pointing game of Zhang et al. (ECCV 2016) and the share of the map inside the boxes, beside the
boxes' share of the area, which a map without any idea would reach. The boxes are `boxes.csv` of the
data; images without one are left out.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from model.artifact import load_artifact
from model.engines import load_engine
from model.framing.box import Box
from training.data.findings import read_findings
from training.data.manifest import Classes, of_split, read_data
from training.errors import TrainingError, training_errors
from training.measure.evaluate import ask
from training.measure.intervals import RESAMPLES, Figure, with_intervals
from training.measure.text import with_interval

FIGURES = ("brightest_point_in_a_box", "share_of_the_map_in_boxes", "area_of_the_boxes")
FINE = 192  # pixels a side of the picture of the map that boxes are drawn on


def pointing(
    grids: np.ndarray,
    shown: Sequence[Box],
    boxes: Sequence[Sequence[Box]],
    patients: Sequence[str],
    resamples: int = RESAMPLES,
) -> dict[str, Figure]:
    """Figures with 95 % intervals over patients, for one map of N images.

    grids: (N, h, w) float, 0 or more. shown: the part of each X-ray that its map covers. boxes: of
    each X-ray, one or more.
    """
    each = np.array(
        [
            _measure(grid, _drawn(found, part))
            for grid, found, part in zip(grids, boxes, shown, strict=True)
        ]
    )
    return with_intervals(each, each, patients, _means, resamples)


def _drawn(boxes: Sequence[Box], shown: Box) -> np.ndarray:
    """(FINE, FINE) float32: 1 inside a box, for a map of `shown`."""
    mask = np.zeros((FINE, FINE), np.float32)
    for box in boxes:
        left, top, right, bottom = (round(edge * FINE) for edge in box.within(shown).inside)
        mask[top:bottom, left:right] = 1
    return mask


def _measure(grid: np.ndarray, drawn: np.ndarray) -> tuple[float, float, float]:
    """FIGURES of one image."""
    height, width = grid.shape
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    point = drawn[int((row + 0.5) / height * FINE), int((column + 0.5) / width * FINE)]
    rows, columns = (np.arange(FINE) * cells // FINE for cells in grid.shape)
    fine = grid[rows][:, columns].astype(np.float64)
    # A map without any attention takes part as one that is everywhere alike.
    weights = fine if fine.sum() > 0 else np.ones_like(fine)
    return float(point), float((weights * drawn).sum() / weights.sum()), float(drawn.mean())


def _means(each: np.ndarray, _: np.ndarray) -> dict[str, float | None]:
    return dict(zip(FIGURES, map(float, each.mean(axis=0)), strict=True))


@click.command()
@click.argument("artifact", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="CXR_DATA",
    required=True,
)
@click.option("--split", default="test", show_default=True)
def main(artifact: Path | None, data: Path, split: str) -> None:
    """Print, for each map of a model, how well it shows what radiologists marked."""
    with training_errors():
        model = load_artifact(artifact)
        found = read_findings(data)
        samples = [
            s for s in of_split(read_data(data, Classes(model.labels)), split) if s.path in found
        ]
        if not samples:
            raise TrainingError(f"No image of the split {split!r} has a box.")
        watched = tqdm(samples, "classifying", file=sys.stderr)
        answers = ask(load_engine(model), model, watched, gate=False)
        click.echo(f"{model.version}, {len(samples)} images of {split} with boxes")
        boxes = [found[sample.path] for sample in answers.samples]
        for name, grids in answers.maps.items():
            figures = pointing(grids, answers.boxes, boxes, answers.patients)
            for figure, value in figures.items():
                shown = with_interval(value.as_dict())
                click.echo(f"  {name}: {figure.replace('_', ' ')} {shown}")


if __name__ == "__main__":
    main()
