"""What marking results as uncertain is worth in a hospital never seen, by rule.

    CXR_DATA=folder python -m training.measure.doubt RUN/artifact --source siim

RUN was trained with `--leave-out siim`. Every rule has its limit from `val`, where it marks one
film in twenty: the difference of the two highest probabilities, the energy of the logits (Liu et
al. 2020, arXiv 2010.03759), and the distance of the pooled features from the classes' means or from
the nearest training films. Printed are, on `val` and on the source left out, the share that stays
unmarked, the error in that share, and how many of all images are wrong and not marked; once for the
rule alone, once together with the close calls of the artifact. At the end, what the same rules find
when each marks 30 % of the source: that is the rule itself, whatever its limit.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from model.artifact import Artifact, load_artifact
from model.doubt import EPSILON, Reference, of_length_one
from model.engines import Engine, load_engine
from training.data.manifest import read_data
from training.data.option import DATA_FOLDER
from training.data.samples import Classes, Sample
from training.data.splits import leave_out, of_split
from training.errors import TrainingError, training_errors
from training.measure.evaluate import Answers, ask
from training.measure.intervals import RESAMPLES, Figure, with_intervals
from training.measure.text import with_interval

FIGURES = ("unmarked", "wrong of the unmarked", "wrong and unmarked")
FILMS = 2000  # of `train`, that X-rays are compared with
DIRECTIONS = 128
NEAREST = 50
MARKED_ON_VAL = 0.05  # share of the films of `val` that lie beyond the limit
MARKED_ALIKE = 0.3

# Features (N, C), of length 1 and less their mean, and (N,) int classes, to directions (C, D), the
# points that count, (M, D), and how many of the nearest.
Space = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, int]]


def class_means(features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Mahalanobis distance to the nearest class, the covariance shared by all (Lee et al. 2018,
    arXiv 1807.03888)."""
    means = np.stack([features[targets == k].mean(axis=0) for k in np.unique(targets)])
    within = features - means[np.unique(targets, return_inverse=True)[1]]
    _, singular, directions = np.linalg.svd(within, full_matrices=False)
    deviations = singular[:DIRECTIONS] / np.sqrt(len(features)) + EPSILON
    space = directions[:DIRECTIONS].T / deviations
    return space, means @ space, 1


def films(features: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Distance to the nearest training films, whatever their class."""
    _, _, directions = np.linalg.svd(features, full_matrices=False)
    space = directions[:DIRECTIONS].T
    return space, features @ space, min(NEAREST, len(features))


# Which distance an artifact gets: see docs/model-development.md.
DISTANCES: dict[str, Space] = {"class_means": class_means, "films": films}
CHOSEN = "films"


def chosen_films(samples: Sequence[Sample], seed: int, most: int = FILMS) -> list[Sample]:
    """At most so many films, as evenly as possible from each label of each source."""
    random = np.random.default_rng(seed)
    groups: dict[tuple[str, str], list[Sample]] = {}
    for number in random.permutation(len(samples)):
        sample = samples[number]
        groups.setdefault((sample.source, sample.label), []).append(sample)
    chosen: list[Sample] = []
    for left, group in enumerate(sorted(groups.values(), key=len)):
        chosen += group[: (most - len(chosen)) // (len(groups) - left)]
    return chosen


def fit_reference(
    films: Answers, val: Answers, distance: str = CHOSEN, marked: float = MARKED_ON_VAL
) -> Reference:
    """films: answers, with features, about films of `train`. val: about all of `val`."""
    features = of_length_one(films.features)
    centre = features.mean(axis=0)
    directions, points, nearest = DISTANCES[distance](features - centre, films.targets)
    kept = (directions.astype(np.float32), points.astype(np.float32))
    reference = Reference(centre, *kept, nearest, limit=0.0)
    limit = float(np.quantile(reference.distances(val.features), 1 - marked))
    return replace(reference, limit=limit)


def training_films(engine: Engine, artifact: Artifact, samples: Sequence[Sample]) -> Answers:
    """What the network says about the films of `train` that others are compared with."""
    chosen = chosen_films(of_split(samples, "train"), seed=0)
    return ask(engine, artifact, chosen, gate=False)


def scores(artifact: Artifact, films: Answers, val: Answers, asked: Answers) -> dict[str, tuple]:
    """By rule, how doubtful the images of `val` and of `asked` are: (M,), (N,), higher is more."""
    found: dict[str, tuple] = {
        "margin": tuple(-_margin(answers.probabilities) for answers in (val, asked)),
        "energy": tuple(_energy(artifact, answers.features) for answers in (val, asked)),
    }
    for name in DISTANCES:
        reference = fit_reference(films, val, name)
        found[name] = tuple(reference.distances(answers.features) for answers in (val, asked))
    return found


def figures(answers: Answers, marked: np.ndarray, resamples: int = RESAMPLES) -> dict[str, Figure]:
    """FIGURES with 95 % intervals over patients. marked: (N,) bool."""
    wrong = answers.probabilities.argmax(axis=1) != answers.targets
    each = np.column_stack([~marked, wrong & ~marked]).astype(float)
    return with_intervals(each, each, answers.patients, _shares, resamples)


def _shares(each: np.ndarray, _: np.ndarray) -> dict[str, float | None]:
    unmarked, missed = map(float, each.mean(axis=0))
    return dict(
        zip(FIGURES, (unmarked, missed / unmarked if unmarked else None, missed), strict=True)
    )


def _margin(probabilities: np.ndarray) -> np.ndarray:
    highest = np.sort(probabilities, axis=1)
    return highest[:, -1] - highest[:, -2]


def _energy(artifact: Artifact, features: np.ndarray) -> np.ndarray:
    with np.load(artifact.weights_file) as arrays:
        logits = features @ arrays["probabilities/0"] + arrays["probabilities/1"]
    highest = logits.max(axis=1)
    return -(highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1)))


def _print(title: str, rules: Mapping[str, np.ndarray], answers: Answers) -> None:
    click.echo(f"{title}, {len(answers.samples)} images")
    for name, marked in rules.items():
        found = figures(answers, marked)
        shown = "  ".join(f"{key} {with_interval(one.as_dict())}" for key, one in found.items())
        click.echo(f"  {name:28} {shown}")


@click.command()
@click.argument("artifact", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--source", required=True, help="The source that the run left out.")
@DATA_FOLDER
@click.option(
    "--split",
    default="test",
    show_default=True,
    help="Of the source; `all` for every image of it, none of which the run has seen.",
)
def main(artifact: Path, source: str, data: Path, split: str) -> None:
    """Print, by rule, coverage and error on a source that a model was trained without."""
    with training_errors():
        model = load_artifact(artifact)
        everything = read_data(data, Classes(model.labels))
        asked = [
            sample
            for sample in everything
            if sample.source == source and split in ("all", sample.split)
        ]
        others = [one for one in leave_out(everything, source) if one.source != source]
        if not asked:
            raise TrainingError(f"There is no image of {source!r} in the split {split!r}.")
        engine = load_engine(model, threads=os.cpu_count() or 1)
        films = training_films(engine, model, others)
        if films.features is None:
            raise TrainingError(f"{model.version} gives out no features. Export it again.")
        val, found = (
            ask(engine, model, tqdm(part, name, file=sys.stderr), gate=False)
            for name, part in (("val", of_split(others, "val")), (source, asked))
        )
        rules = scores(model, films, val, found)
        for title, answers, number in (("val", val, 0), (source, found, 1)):
            close = answers.probabilities.max(axis=1) < model.uncertain_below
            marked = {"nothing": np.zeros(len(close), bool), "close call": close}
            for name, both in rules.items():
                beyond = both[number] > np.quantile(both[0], 1 - MARKED_ON_VAL)
                marked |= {name: beyond, f"{name} or close call": beyond | close}
            _print(title, marked, answers)
        alike = {"highest probability": -found.probabilities.max(axis=1)}
        alike |= {name: both[1] for name, both in rules.items()}
        _print(
            f"{source}, {MARKED_ALIKE:.0%} marked by each",
            {name: one > np.quantile(one, 1 - MARKED_ALIKE) for name, one in alike.items()},
            found,
        )


if __name__ == "__main__":
    main()
