"""Whether a map shows the finding, and whether it tells what decides.

    CXR_DATA=folder python -m training.measure.maps.pointing [ARTIFACT]

The pointing game of Zhang et al. (ECCV 2016) and the share of the map inside the boxes, beside the
boxes' share of the area, which a map without any idea would reach; then what needs no boxes, of
`training.measure.maps.saliency`. The boxes are `boxes.csv` of the data; images without one are left
out. Each map of the model is measured, evidence that of the film's own label, and beside them
Grad-CAM and a map of random numbers.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from model.artifact import Artifact, load_artifact
from model.engines import Engine, load_engine
from model.engines.keras_engine import load_network
from model.engines.output import joined
from model.evidence import evidence_map, kind_of
from model.framing.box import Box, on_film
from model.input.prepared import prepare_file
from training.data.findings import read_findings
from training.data.manifest import read_data
from training.data.option import DATA_FOLDER
from training.data.samples import Classes, Sample
from training.data.splits import of_split
from training.errors import TrainingError, training_errors
from training.measure.intervals import RESAMPLES, Figure, with_intervals
from training.measure.maps.saliency import curves, grad_cam, moves
from training.measure.text import with_interval

FIGURES = ("brightest_point_in_a_box", "share_of_the_map_in_boxes", "area_of_the_boxes")
BATCH = 32
FINE = 192  # pixels a side of the picture of the map that boxes are drawn on


def pointing(
    grids: Sequence[np.ndarray],
    shown: Sequence[Box],
    boxes: Sequence[Sequence[Box]],
    patients: Sequence[str],
    resamples: int = RESAMPLES,
) -> dict[str, Figure]:
    """Figures with 95 % intervals over patients, for one map of N images.

    grids: N times (h, w) float, 0 or more. shown: the part of each X-ray that its map covers.
    boxes: of each X-ray, one or more.
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


def maps_of(
    model: Artifact, engine: Engine, samples: Sequence[Sample]
) -> tuple[np.ndarray, list[Box], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The prepared images, what they show, and their maps, twice: about each film's own label, and
    about the most probable other one. Signed maps are cut off at 0: what speaks for the label.

    Maps: by name, (N, h, w) of what the network saw, the film's edges not cut off.
    """
    framed = [prepare_file(s.path, model.preprocessing, gate=False) for s in samples]
    images = np.stack([one.image for one in framed])
    shown = [one.box for one in framed]
    output = joined([engine.predict(images[n : n + BATCH]) for n in range(0, len(images), BATCH)])
    own = Classes(model.labels).targets(samples)
    others = output.probabilities.copy()
    others[np.arange(len(own)), own] = -1
    network = load_network(model)
    found = []
    for targets in (own, others.argmax(axis=1)):
        maps = {n: g for n, g in output.maps.items() if kind_of(n) == "attention"}
        evidence = [output.maps.get(evidence_map(label)) for label in model.labels]
        if all(grids is not None for grids in evidence):
            chosen = np.stack(evidence, axis=1)[np.arange(len(targets)), targets]
            maps["evidence"] = np.maximum(chosen, 0)
        maps["Grad-CAM"] = grad_cam(network, images, targets)
        found.append(maps)
    return images, shown, *found


@click.command()
@click.argument("artifact", required=False, type=click.Path(file_okay=False, path_type=Path))
@DATA_FOLDER
@click.option("--split", default="test", show_default=True)
@click.option(
    "--curves",
    "drawn",
    default=60,
    show_default=True,
    help="Films of a source for deletion and insertion, a second each.",
)
def main(artifact: Path | None, data: Path, split: str, drawn: int) -> None:
    """Print, for each map of a model and for Grad-CAM, how well it shows what radiologists marked,
    and whether it tells what decides."""
    with training_errors():
        model = load_artifact(artifact)
        engine = load_engine(model)
        found = read_findings(data)
        samples = [
            s for s in of_split(read_data(data, Classes(model.labels)), split) if s.path in found
        ]
        if not samples:
            raise TrainingError(f"No image of the split {split!r} has a box.")
        for source in sorted({sample.source for sample in samples}):
            inside = [sample for sample in samples if sample.source == source]
            click.echo(f"{model.version}, {source}: {len(inside)} images of {split} with boxes")
            _print(model, engine, inside, [found[sample.path] for sample in inside], drawn)


def _print(
    model: Artifact,
    engine: Engine,
    samples: Sequence[Sample],
    boxes: Sequence[Sequence[Box]],
    drawn: int,
) -> None:
    patients = [sample.patient for sample in samples]
    targets = Classes(model.labels).targets(samples)
    images, shown, own, other = maps_of(model, engine, samples)
    own["chance"] = np.random.default_rng(0).random(next(iter(own.values())).shape)
    for name, grids in own.items():
        on_films = [on_film(grid, box) for grid, box in zip(grids, shown, strict=True)]
        figures = pointing(on_films, [box.inside for box in shown], boxes, patients)
        if name in other:
            apart = moves(grids, other[name])[:, None].astype(float)
            figures["brightest_point_moves_with_the_label"] = with_intervals(
                apart, apart, patients, lambda each, _: {"moves": float(each.mean())}
            )["moves"]
        areas = np.array(
            [
                curves(engine, images[n], grids[n], targets[n])
                for n in tqdm(range(min(drawn, len(samples))), name, file=sys.stderr)
            ]
        )
        if len(areas):
            figures |= {
                key: Figure(float(value))
                for key, value in zip(("deletion", "insertion"), areas.mean(axis=0), strict=True)
            }
        for figure, value in figures.items():
            words = with_interval(value.as_dict())
            click.echo(f"  {name:10} {figure.replace('_', ' '):38} {words}")


if __name__ == "__main__":
    main()
