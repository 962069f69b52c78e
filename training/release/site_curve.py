"""What a calibration for a hospital is worth, by the number of its patients.

    CXR_DATA=folder python -m training.release.site_curve RUN/artifact --source siim

RUN was trained with `--leave-out siim`, so the hospitals of that source are strange to it. Again
and again so many of its patients are drawn, the model is calibrated by one film of each, and
measured on all films of the others. Printed are means, and between which values 95 % of the draws
lie.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from model.artifact import load_artifact
from model.calibration import Calibration
from model.engines import load_engine
from training.data.manifest import read_data
from training.data.option import DATA_FOLDER
from training.data.samples import Classes
from training.errors import TrainingError, training_errors
from training.measure.evaluate import Answers, ask
from training.measure.metrics import measures
from training.release.site import fit, without_calibration

PATIENTS = (30, 50, 100, 200)
DRAWS = 100


def drawn(answers: Answers, count: int, draws: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices of the films to calibrate by, one of each of `count` patients, and of all films of
    the other patients."""
    random = np.random.default_rng(count)
    patients = np.asarray(answers.patients)
    names = np.unique(patients)
    for _ in range(draws):
        order = random.permutation(len(patients))
        of_each = order[np.unique(patients[order], return_index=True)[1]]
        chosen = random.permutation(names)[:count]
        yield (
            of_each[np.isin(patients[of_each], chosen)],
            np.flatnonzero(~np.isin(patients, chosen)),
        )


def figures(answers: Answers, calibration: Calibration | None, films: np.ndarray) -> dict:
    """Of these films: what `training.measure.metrics.measures` finds, no label left out."""
    probabilities, targets = answers.probabilities[films], answers.targets[films]
    if calibration:
        probabilities = calibration.of(probabilities)
    of_label = [k for k in range(len(answers.labels)) if 0 < (targets == k).sum() < len(targets)]
    return measures(targets, probabilities, answers.labels, of_label, of_label)


def curve(answers: Answers, counts: Sequence[int] = PATIENTS, draws: int = DRAWS) -> list[tuple]:
    """(patients, by figure its value in each draw); the first is of no calibration."""
    found = [(0, [figures(answers, None, np.arange(len(answers.samples)))])]
    for count in counts:
        if count > len(set(answers.patients)) / 2:
            continue
        each = []
        for chosen, others in drawn(answers, count, draws):
            patients = [answers.patients[number] for number in chosen]
            calibration = fit(answers.targets[chosen], answers.probabilities[chosen], patients)
            each.append(figures(answers, calibration, others))
        found.append((count, each))
    return found


def _shown(name: str, each: Sequence[dict]) -> str:
    values = [one[name] for one in each if one[name] is not None]
    if not values:
        return "-"
    low, high = np.percentile(values, (2.5, 97.5))
    spread = f" ({low:.3f}-{high:.3f})" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


@click.command()
@click.argument("artifact", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--source", required=True, help="The source that the run left out.")
@DATA_FOLDER
def main(artifact: Path, source: str, data: Path) -> None:
    """Print a table of figures by the number of patients that the model was calibrated by."""
    with training_errors():
        model = without_calibration(load_artifact(artifact))
        samples = [one for one in read_data(data, Classes(model.labels)) if one.source == source]
        if not samples:
            raise TrainingError(f"There is no image of {source!r} in {data}.")
        engine = load_engine(model, threads=os.cpu_count() or 1)
        answers = ask(engine, model, tqdm(samples, source, file=sys.stderr), gate=False)
    rows = curve(answers)
    labels = [label for k, label in enumerate(model.labels) if (answers.targets == k).any()]
    names = ["accuracy", "ece", "normal_called_covid19", *(f"sensitivity_{one}" for one in labels)]
    click.echo(f"{model.version}, {len(answers.samples)} films of {source}, {DRAWS} draws")
    click.echo("| patients | " + " | ".join(names) + " |")
    click.echo("| --- |" + " --- |" * len(names))
    for count, each in rows:
        click.echo(f"| {count} | " + " | ".join(_shown(name, each) for name in names) + " |")


if __name__ == "__main__":
    main()
