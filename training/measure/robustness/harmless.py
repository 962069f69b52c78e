"""Films under changes that leave the finding as it is: a result must not move.

    CXR_DATA=folder python -m training.measure.robustness.harmless [ARTIFACT] [--every 10]

Each film is sent as it is and under each change of `training.measure.robustness.changes`, through
the decoder and everything else that serving does, but is classified whatever the gate says. A good
model keeps the label of 95 % of films under each change, and moves a probability by less than 0.03
on average. "Nobody told": the label changed, and neither of the two results was marked uncertain.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from model.classifier import Classifier, Result
from training.data.manifest import read_data
from training.data.option import DATA
from training.data.reading import read
from training.data.samples import Classes, Sample
from training.data.splits import of_split
from training.errors import TrainingError, training_errors
from training.measure.robustness.changes import changes

MAX_CHANGED, MAX_MOVED = 0.05, 0.03


@dataclass(frozen=True)
class Said:
    """What a model said of N films: probabilities (N, K) float32; marked (N,) bool, uncertain."""

    probabilities: np.ndarray
    marked: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """(N,) int, places among the K."""
        return self.probabilities.argmax(axis=1)


@dataclass(frozen=True)
class Moved:
    """changed: share of films whose label is another one. unmarked: share of films of which that
    holds though neither result is uncertain, so that nobody is told. moved: mean distance of a
    probability. toward: of the changed films, how many were called each label then.
    """

    changed: float
    unmarked: float
    moved: float
    toward: dict[str, int]


def measure(classifier: Classifier, samples: Sequence[Sample]) -> dict[str, Moved]:
    """For each change, and `any` for a film whose label any of them changes."""
    ways = changes()
    results: list[list[Result]] = []
    for sample in samples:
        film = read(sample).pixels
        files = [change(film) for change in ways.values()]
        results.append(
            classifier.classify([classifier.prepare(file, waived=True) for file in files])
        )
    said = dict(zip(ways, map(_said, zip(*results, strict=True)), strict=True))
    before = said.pop("as it is")
    found = {name: _moved(before, after, classifier.labels) for name, after in said.items()}
    return found | {"any": _any(before, list(said.values()))}


def _said(results: Sequence[Result]) -> Said:
    rows = [list(result.probabilities.values()) for result in results]
    return Said(np.array(rows, np.float32), np.array([result.uncertain for result in results]))


def _moved(before: Said, after: Said, labels: Sequence[str]) -> Moved:
    differ, silent = _differ(before, after)
    toward = {label: int((after.labels[differ] == k).sum()) for k, label in enumerate(labels)}
    distance = np.abs(after.probabilities - before.probabilities).mean()
    return Moved(float(differ.mean()), float(silent.mean()), float(distance), toward)


def _any(before: Said, ways: Sequence[Said]) -> Moved:
    differ, silent = np.any([_differ(before, after) for after in ways], axis=0)
    distance = np.mean([np.abs(one.probabilities - before.probabilities).mean() for one in ways])
    return Moved(float(differ.mean()), float(silent.mean()), float(distance), {})


def _differ(before: Said, after: Said) -> tuple[np.ndarray, np.ndarray]:
    """(N,) bool each: whose labels differ; of those, neither of whose results is uncertain."""
    differ = after.labels != before.labels
    return differ, differ & ~(before.marked | after.marked)


@click.command()
@click.argument("artifact", required=False, type=click.Path(file_okay=False, path_type=Path))
@DATA
@click.option("--split", default="test", show_default=True)
@click.option("--every", default=1, show_default=True, help="Only every so many films.")
@click.option("--json", "as_json", is_flag=True)
def main(artifact: Path | None, data: Path, split: str, every: int, as_json: bool) -> None:
    """Print how far harmless changes move a model's results."""
    with training_errors():
        classifier = Classifier.load(artifact)
        samples = of_split(read_data(data, Classes(classifier.labels)), split)[::every]
        if not samples:
            raise TrainingError(f"{data} has no images of the split {split!r}.")
        found = measure(classifier, samples)
    if as_json:
        click.echo(json.dumps({name: asdict(one) for name, one in found.items()}, indent=2))
        return
    click.echo(f"{classifier.version}, {len(samples)} films of {split}")
    click.echo("| change | label changed | nobody told | probability moved |")
    click.echo("| --- | --- | --- | --- |")
    for name, one in found.items():
        toward = ", ".join(f"{count} to {label}" for label, count in one.toward.items() if count)
        how = f" ({toward})" if toward else ""
        click.echo(f"| {name} | {one.changed:.1%}{how} | {one.unmarked:.1%} | {one.moved:.3f} |")
    single = [one for name, one in found.items() if name != "any"]
    held = all(one.changed <= MAX_CHANGED and one.moved < MAX_MOVED for one in single)
    click.echo("Every change stays in bounds." if held else "Not every change stays in bounds.")


if __name__ == "__main__":
    main()
