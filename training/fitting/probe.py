"""A cheap test of how X-rays are prepared: ImageNet's network as it is, and a linear model on it.

    CXR_DATA=folder python -m training.fitting.probe --recipe released [--recipe other.toml]

For each recipe's preprocessing (nothing else of it is used), features of some hundred images of
each source and label; then, for each source in turn, a logistic regression that has not seen it.
What is better here is worth a training run; the figures themselves are those of a weak model.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from training.data.manifest import read_data
from training.data.reading import prepared
from training.data.samples import Classes, Sample
from training.data.splits import leave_out, of_split
from training.data.weighting import weights_within_sources
from training.errors import training_errors
from training.fitting.recipe import Recipe, load_recipe
from training.measure.intervals import with_intervals
from training.measure.metrics import measures_of
from training.measure.text import heading, with_interval

SOURCES = ("siim", "radiography", "nih")
FIGURES = ("auroc_COVID19", "auroc_NORMAL", "sensitivity_COVID19", "normal_called_covid19", "ece")
REGULARISATION = 0.003
BATCH = 32


def chosen(samples: Sequence[Sample], each: int, seed: int = 0) -> list[Sample]:
    """At most so many of each source, label and split."""
    groups = defaultdict(list)
    for sample in samples:
        groups[sample.source, sample.label, sample.split].append(sample)
    random = np.random.default_rng(seed)
    return [
        group[number]
        for _, group in sorted(groups.items())
        for number in sorted(random.permutation(len(group))[:each])
    ]


def features(samples: Sequence[Sample], recipe: Recipe) -> np.ndarray:
    """(N, D) float32: means of the last and middle features of EfficientNet-Lite0."""
    import keras

    from model.networks import build, network_named

    network = build("efficientnet_attention", {"size": recipe.preprocessing.size})
    network_named(network.name).load_imagenet(network)
    means = [
        keras.layers.GlobalAveragePooling2D()(network.get_layer(name).output)
        for name in ("block_head_relu", "block10_sum")
    ]
    extractor = keras.Model(network.inputs, keras.layers.Concatenate()(means))
    found = []
    for start in range(0, len(samples), BATCH):
        batch = samples[start : start + BATCH]
        images = [prepared(one, recipe.preprocessing).image for one in batch]
        found.append(np.asarray(extractor.predict_on_batch(np.stack(images))))
    return np.concatenate(found)


def answers(
    values: np.ndarray, samples: Sequence[Sample], source: str, classes: Classes
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Targets, probabilities and patients of a source, by a model that has not seen it."""
    from sklearn.linear_model import LogisticRegression

    number = {sample.path: n for n, sample in enumerate(samples)}
    left = leave_out(samples, source)
    taught = of_split(left, "train")
    tested = [sample for sample in left if sample.source == source]
    rows = values[[number[sample.path] for sample in taught]]
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    model = LogisticRegression(C=REGULARISATION, max_iter=300)
    model.fit(
        (rows - mean) / scale,
        classes.targets(taught),
        sample_weight=weights_within_sources(taught),
    )
    said = np.zeros((len(tested), len(classes.labels)))
    shown = (values[[number[sample.path] for sample in tested]] - mean) / scale
    said[:, model.classes_] = model.predict_proba(shown)
    return classes.targets(tested), said, [s.patient for s in tested]


@click.command()
@click.option("--recipe", "recipes", multiple=True, default=("released",), show_default=True)
@click.option("--data", type=click.Path(path_type=Path), envvar="CXR_DATA", required=True)
@click.option("--each", default=200, show_default=True, help="Images of a source, label and split.")
def main(recipes: Sequence[str], data: Path, each: int) -> None:
    """Print figures of left-out sources for the preprocessing of each recipe."""
    with training_errors():
        for name in recipes:
            recipe = load_recipe(name)
            samples = chosen(read_data(data, recipe.classes), each)
            values = features(samples, recipe)
            click.echo(f"{name}: {recipe.preprocessing.id}, {len(samples)} images")
            for source in SOURCES:
                targets, said, patients = answers(values, samples, source, recipe.classes)
                measure = measures_of(targets, patients, recipe.labels)
                figures = with_intervals(targets, said, patients, measure)
                shown = ", ".join(
                    f"{heading(figure)} {with_interval(figures[figure].as_dict())}"
                    for figure in FIGURES
                    if figures[figure].value is not None
                )
                click.echo(f"  without {source}, n {len(targets)}: {shown}")


if __name__ == "__main__":
    main()
