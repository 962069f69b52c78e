"""How far a model leans on a hospital's style: X-rays of one label in the style of the other.

A model that reads lungs says the same as before; one that reads the machine changes its mind.

    CXR_DATA=folder python -m training.measure.robustness.swaps [ARTIFACT...]

A minute for each model.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
from skimage.exposure import match_histograms

from model.artifact import REFERENCE, RELEASED, Artifact, load_artifact
from model.engines import load_engine
from model.input.preprocess import to_input
from training.data.manifest import read_data
from training.data.option import DATA
from training.data.reading import grey
from training.data.samples import Classes, Sample
from training.data.splits import of_split
from training.data.style import restyled, style_of
from training.errors import TrainingError, training_errors
from training.measure.intervals import RESAMPLES, Figure, with_intervals
from training.measure.metrics import measures_of
from training.measure.text import heading, with_interval

# The two labels that come from different hospitals although the source is one.
SOURCE, SWAPPED = "radiography", ("COVID19", "NORMAL")
MOST = 150
FIGURES = ("auroc_COVID19", "sensitivity_COVID19", "normal_called_covid19")
# The square of waves that `low_frequencies` takes over: up to these cycles per image.
LOWEST = 6

Swap = Callable[[np.ndarray, np.ndarray], np.ndarray]


def low_frequencies(grey: np.ndarray, donor: np.ndarray) -> np.ndarray:
    """The donor's amplitudes of the longest waves, with the picture's own phases.

    Yang and Soatto, FDA, CVPR 2020. grey, donor: (S, S) float32, 0..1; left alone.
    """
    waves = np.fft.fftshift(np.fft.fft2(grey))
    amplitude, middle = np.abs(waves), grey.shape[0] // 2
    square = np.s_[middle - LOWEST : middle + LOWEST + 1, middle - LOWEST : middle + LOWEST + 1]
    amplitude[square] = np.abs(np.fft.fftshift(np.fft.fft2(donor)))[square]
    mixed = amplitude * np.exp(1j * np.angle(waves))
    return np.clip(np.real(np.fft.ifft2(np.fft.ifftshift(mixed))), 0, 1).astype(np.float32)


SWAPS: dict[str, Swap] = {
    "as they are": lambda grey, donor: grey,
    "style of the kind trained with": lambda grey, donor: restyled(grey, style_of(donor), 1.0),
    "histogram matched": match_histograms,
    "low frequencies swapped": low_frequencies,
}


def measure(
    model: Artifact, samples: Sequence[Sample], resamples: int = RESAMPLES
) -> dict[str, dict[str, Figure]]:
    """FIGURES for each of SWAPS, of the int8 network.

    samples: of one source; at most MOST of each of the two labels are taken, the first ones.
    Raises TrainingError when the samples, or the model's labels, have not both.
    """
    if not {*SWAPPED} <= {*model.labels}:
        raise TrainingError(
            f"Styles are swapped between {' and '.join(SWAPPED)}. The model's labels: "
            f"{', '.join(model.labels)}."
        )
    groups = [[s for s in samples if s.label == label][:MOST] for label in SWAPPED]
    if not all(groups):
        raise TrainingError(f"Styles are swapped between {' and '.join(SWAPPED)}; one is missing.")
    engine = load_engine(model, "cpu", os.cpu_count() or 1)
    greys = [[grey(sample, model.preprocessing) for sample in group] for group in groups]
    targets = Classes(model.labels).targets([sample for group in groups for sample in group])
    patients = [sample.patient for group in groups for sample in group]
    found = {}
    for name, swap in SWAPS.items():
        random = np.random.default_rng(0)
        images = [
            swap(one, others[random.integers(len(others))])
            for own, others in (greys, greys[::-1])
            for one in own
        ]
        said = [
            engine.predict(
                np.stack(
                    [
                        to_input(image, model.preprocessing)
                        for image in images[start : start + engine.batch_size]
                    ]
                )
            ).probabilities
            for start in range(0, len(images), engine.batch_size)
        ]
        figures = with_intervals(
            targets,
            np.concatenate(said),
            patients,
            measures_of(targets, patients, model.labels),
            resamples,
        )
        found[name] = {figure: figures[figure] for figure in FIGURES}
    return found


def table(name: str, found: dict[str, dict[str, Figure]]) -> str:
    """Markdown: a row for each swap."""
    rows = [[name, *map(heading, FIGURES)], ["---"] * (len(FIGURES) + 1)]
    for swap, figures in found.items():
        rows.append([swap, *(with_interval(figures[figure].as_dict()) for figure in FIGURES)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@click.command()
@click.argument("artifacts", nargs=-1, type=click.Path(file_okay=False, path_type=Path))
@DATA
@click.option("--split", default="val", show_default=True)
def main(artifacts: Sequence[Path], data: Path, split: str) -> None:
    """Print a table for each model; without a folder, for the two that ship."""
    with training_errors():
        for folder in artifacts or (RELEASED, REFERENCE):
            model = load_artifact(folder)
            samples = of_split(read_data(data, Classes(model.labels)), split)
            samples = [sample for sample in samples if sample.source == SOURCE]
            print(table(model.version, measure(model, samples)), end="\n\n")


if __name__ == "__main__":
    main()
