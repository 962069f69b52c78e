"""Fitting: frozen blocks once, then epochs over the rest of the network."""

import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import keras
import numpy as np

from model.networks import frozen_part
from training.data.samples import Sample
from training.data.splits import not_judged, of_split
from training.data.truth import truths
from training.data.weighting import sample_weights, weights_within_sources
from training.errors import TrainingError
from training.fitting.batches import EpochByEpoch, FeatureBatches, FreshBatches, Inputs, Makers
from training.fitting.checkpoint import BEST, LAST, KeepWhole
from training.fitting.features import FeatureCache, Features
from training.fitting.findings import Drawn, finding_maps, nothing_drawn
from training.fitting.images import Images
from training.fitting.learner import callbacks, learner_of
from training.fitting.lungs import Copy, lung_maps
from training.fitting.network import in_precision, trained_network, with_imagenet
from training.fitting.recipe import Recipe, load_recipe
from training.fitting.resuming import (
    BEGUN,
    CHECKPOINT,
    HISTORY,
    check_resumed,
    is_over,
    least_of,
    losses,
    write_begun,
)
from training.fitting.statistics import fitted
from training.fitting.teachers import lessons, together

LUNGS = "lungs.npy"
TEACHERS = "teachers"


def train(
    recipe: Recipe,
    samples: Sequence[Sample],
    out: Path,
    cache: Path,
    resume: bool = False,
    unsure: Sequence[Sample] = (),
) -> keras.Model:
    """Fit the recipe's network on the split `train`, stopped early by the split `val`.

    Writes into `out`: best.keras and last.keras (`training.fitting.checkpoint`), history.csv, and a
    checkpoint that `resume` goes on from (`training.fitting.resuming`). The recipe's teachers are
    trained first, each into a folder of its own below `out`; what of them lies there is gone on
    with, and is not made anew once it is finished.
    unsure: more films to learn from, whose labels are those of `training.data.truth`; without those
        of patients that are judged.
    Returns: the whole network with the best weights, in float32, as it is in best.keras.
    Raises TrainingError when there are too few images, one cannot be read, training diverges, or
    the run to resume was begun with another recipe or other images.
    """
    out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(recipe.seed)
    network = with_imagenet(recipe.precision, recipe)
    trained = of_split([*samples, *not_judged(unsure, samples)], "train")
    validated = of_split(samples, "val")
    _check_classes(trained, recipe)
    if len(trained) < recipe.batch or not validated:
        raise TrainingError(
            f"Training needs {recipe.batch} images of the split train (one batch) and some of val. "
            f"Received: {len(trained)} and {len(validated)}."
        )
    if resume:
        check_resumed(out, recipe, [*trained, *validated])
    else:
        _forget(out)
    write_begun(out, recipe, [*trained, *validated])
    earlier = losses(out)
    if not is_over(earlier, recipe):
        teachers = _teachers(recipe, samples, out / TEACHERS, cache, unsure)
        recipe = fitted(recipe, trained, out)
        _fit(network, teachers, recipe, trained, validated, out, cache, earlier)
    if not (out / BEST).is_file():
        raise TrainingError(
            "Training diverged: no epoch has a validation loss that is a number. "
            f"Lower `learning_rate` in the recipe. It is {recipe.learning_rate:g}."
        )
    return trained_network(out, recipe)


def _teachers(
    recipe: Recipe, samples: Sequence[Sample], folder: Path, cache: Path, unsure: Sequence[Sample]
) -> list[keras.Model]:
    """The trained networks of the recipe's teachers."""
    recipes = {name: load_recipe(name) for name in recipe.teachers.recipes}
    for name, teacher in recipes.items():
        for needed in ("labels", "ignored_labels", "data", "preprocessing"):
            if getattr(teacher, needed) != getattr(recipe, needed):
                raise TrainingError(
                    f"{recipe.name} cannot learn from {name}, whose recipe has another `{needed}`."
                )
    found = []
    for name, teacher in recipes.items():
        run = folder / Path(name).stem
        begun = (run / BEGUN).is_file()
        found.append(train(teacher, samples, run, cache, begun, unsure if teacher.unsure else ()))
    return found


def _fit(
    network: keras.Model,
    teachers: Sequence[keras.Model],
    recipe: Recipe,
    trained: Sequence[Sample],
    validated: Sequence[Sample],
    out: Path,
    cache: Path,
    earlier: Sequence[float],
) -> None:
    """Teach the network. earlier: losses of the epochs that it has had."""
    images = Images(trained, recipe), Images(validated, recipe)
    shares = truths(trained, recipe.labels, recipe.soften)
    if teachers:
        shares = lessons(shares, _answers(teachers, images[0], recipe, cache), recipe.teachers)
    truth = shares, _weights(trained, recipe)
    judged = truths(validated, recipe.labels, soften=False), _weights(validated, recipe)
    with ExitStack() as opened:
        if recipe.fresh:
            makers = opened.enter_context(Makers(*_inputs(images, recipe, network)))
            batches = FreshBatches(makers, 0, *truth, recipe.batch, recipe.seed)
            validation = FreshBatches(makers, 1, *judged, recipe.batch, seed=None)
        else:
            cached = FeatureCache(cache, frozen_part(network, recipe.fine_tune))
            copies, seen = _features(*images, cached, recipe, network, out)
            batches = FeatureBatches(copies, *truth, recipe.batch, recipe.seed)
            validation = (seen, *judged)
        learner = learner_of(network, recipe, steps=len(batches) * recipe.epochs)
        keep = KeepWhole(network, in_precision("float32", recipe), out, least_of(earlier))
        learner.fit(
            batches,
            validation_data=validation,
            epochs=recipe.epochs,
            callbacks=[EpochByEpoch(batches), *callbacks(recipe, out, keep, earlier)],
        )


def _forget(out: Path) -> None:
    """Take away what another run left, before anything is computed: it must not pass for this
    run's, nor be gone on from should this one be interrupted."""
    shutil.rmtree(out / CHECKPOINT, ignore_errors=True)
    for name in (BEGUN, BEST, LAST, LUNGS, HISTORY):
        (out / name).unlink(missing_ok=True)


def _answers(
    teachers: Sequence[keras.Model], images: Images, recipe: Recipe, cache: Path
) -> list[np.ndarray]:
    """What the teachers say of the images as they are served, and of each copy that is kept."""
    kept = FeatureCache(cache, together(teachers))
    copies = [kept.plain(images), *(kept.changed(images, copy) for copy in range(recipe.copies))]
    return [answers for (answers,) in copies]


def _inputs(images: tuple[Images, Images], recipe: Recipe, network: keras.Model) -> list[Inputs]:
    """What is learned from, and what is judged, once each image was read."""
    for part in images:
        part.check()
    images[0].prepare()
    if not recipe.findings:
        return [Inputs(part) for part in images]
    cells = network.outputs[1].shape[1]
    return [Inputs(part, Drawn(part.samples, recipe, cells)) for part in images]


def _features(
    trained: Images,
    validated: Images,
    cached: FeatureCache,
    recipe: Recipe,
    network: keras.Model,
    out: Path,
) -> tuple[list[Features], Features]:
    """Of the copies of every training image, and of those for validation; with maps to teach."""
    copies = [Copy(cached.plain(trained), None)] if recipe.plain else []
    copies += [Copy(cached.changed(trained, number), number) for number in range(recipe.copies)]
    judged = cached.plain(validated)
    if recipe.lungs:
        copies, judged = _with_lungs(copies, judged, trained.samples, recipe, out)
    if recipe.findings:
        copies, judged = _with_findings(copies, judged, trained.samples, recipe, network)
    return [copy.features for copy in copies], judged


def _check_classes(trained: Sequence[Sample], recipe: Recipe) -> None:
    """Raises TrainingError when a class has nothing to learn from."""
    of_label = Counter(sample.label for sample in trained)
    empty = [label for label in recipe.labels if not of_label[label]]
    if empty:
        found = ", ".join(f"{label} {count}" for label, count in of_label.items()) or "none"
        raise TrainingError(
            f"No training image of {', '.join(empty)}. Images of the split train: {found}."
        )


def _weights(samples: Sequence[Sample], recipe: Recipe) -> np.ndarray:
    if recipe.within_sources:
        return weights_within_sources(samples)
    if recipe.balance_sources:
        return sample_weights(samples)
    return np.ones(len(samples), dtype=np.float32)


def _with_lungs(
    copies: Sequence[Copy],
    judged: Features,
    trained: Sequence[Sample],
    recipe: Recipe,
    out: Path,
) -> tuple[list[Copy], Features]:
    """The same, each with where the lungs are as one more feature.

    For validation they are everywhere, so that `val_loss` is the cross-entropy and nothing else.
    """
    file = out / LUNGS
    if file.is_file():  # of a run that is resumed
        maps = np.load(file)
    else:
        maps = lung_maps(with_imagenet("float32", recipe), copies, trained, recipe)
        unfinished = file.with_suffix(".part.npy")
        np.save(unfinished, maps)
        unfinished.rename(file)
    everywhere = np.ones((len(judged[0]), *maps.shape[2:]), np.float16)
    found = [
        Copy([*copy.features, lungs], copy.number) for copy, lungs in zip(copies, maps, strict=True)
    ]
    return found, [*judged, everywhere]


def _with_findings(
    copies: Sequence[Copy],
    judged: Features,
    trained: Sequence[Sample],
    recipe: Recipe,
    network: keras.Model,
) -> tuple[list[Copy], Features]:
    """The same, each with what radiologists drew as one more feature; for validation nothing."""
    cells = network.outputs[1].shape[1]
    maps = finding_maps(trained, recipe, cells, [copy.number for copy in copies])
    found = [
        Copy([*copy.features, drawn], copy.number) for copy, drawn in zip(copies, maps, strict=True)
    ]
    return found, [*judged, nothing_drawn(len(judged[0]), cells)]
