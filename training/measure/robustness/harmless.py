"""Films under changes that leave the finding as it is: a result must not move.

    CXR_DATA=folder python -m training.measure.robustness.harmless [ARTIFACT] [--every 10]

Each film is sent as it is and under each change of `training.measure.robustness.changes`, through
the decoder and everything else that serving does, the gate excepted. A good model keeps the label
of 95 % of films under each change, and moves a probability by less than 0.03 on average.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from model.artifact import Artifact, load_artifact
from model.engines import load_engine
from model.input.prepared import prepare_file
from training.data.manifest import Classes, Sample, of_split, read_data
from training.data.option import DATA
from training.data.reading import read
from training.errors import TrainingError, training_errors
from training.measure.robustness.changes import changes

MAX_CHANGED, MAX_MOVED = 0.05, 0.03


@dataclass(frozen=True)
class Moved:
    """changed: share of films whose label is another one. moved: mean distance of a probability.
    toward: of the changed films, how many were called each label then.
    """

    changed: float
    moved: float
    toward: dict[str, int]


def measure(model: Artifact, samples: Sequence[Sample]) -> dict[str, Moved]:
    """For each change, and `any` for a film whose label any of them changes."""
    engine = load_engine(model)
    ways = changes()
    said: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    for sample in samples:
        film = read(sample).pixels
        images = []
        for change in ways.values():
            file = change(film)
            images.append(prepare_file(file, model.preprocessing, gate=False).image)
        probabilities = engine.predict(np.stack(images)).probabilities
        for row, kept in zip(probabilities, said.values(), strict=True):
            kept.append(row)
    rows = {name: np.stack(kept) for name, kept in said.items()}
    before = rows.pop("as it is")
    found = {name: _moved(before, after, model.labels) for name, after in rows.items()}
    differ = [after.argmax(axis=1) != before.argmax(axis=1) for after in rows.values()]
    distance = float(np.mean([one.moved for one in found.values()]))
    return found | {"any": Moved(float(np.any(differ, axis=0).mean()), distance, {})}


def _moved(before: np.ndarray, after: np.ndarray, labels: Sequence[str]) -> Moved:
    now = after.argmax(axis=1)
    differ = now != before.argmax(axis=1)
    toward = {label: int((now[differ] == k).sum()) for k, label in enumerate(labels)}
    return Moved(float(differ.mean()), float(np.abs(after - before).mean()), toward)


@click.command()
@click.argument("artifact", required=False, type=click.Path(file_okay=False, path_type=Path))
@DATA
@click.option("--split", default="test", show_default=True)
@click.option("--every", default=1, show_default=True, help="Only every so many films.")
@click.option("--json", "as_json", is_flag=True)
def main(artifact: Path | None, data: Path, split: str, every: int, as_json: bool) -> None:
    """Print how far harmless changes move a model's results."""
    with training_errors():
        model = load_artifact(artifact)
        samples = of_split(read_data(data, Classes(model.labels)), split)[::every]
        if not samples:
            raise TrainingError(f"{data} has no images of the split {split!r}.")
        found = measure(model, samples)
    if as_json:
        click.echo(json.dumps({name: asdict(one) for name, one in found.items()}, indent=2))
        return
    click.echo(f"{model.version}, {len(samples)} films of {split}")
    click.echo("| change | label changed | probability moved |\n| --- | --- | --- |")
    for name, one in found.items():
        toward = ", ".join(f"{count} to {label}" for label, count in one.toward.items() if count)
        how = f" ({toward})" if toward else ""
        click.echo(f"| {name} | {one.changed:.1%}{how} | {one.moved:.3f} |")
    single = [one for name, one in found.items() if name != "any"]
    held = all(one.changed <= MAX_CHANGED and one.moved < MAX_MOVED for one in single)
    click.echo("Every change stays in bounds." if held else "Not every change stays in bounds.")


if __name__ == "__main__":
    main()
