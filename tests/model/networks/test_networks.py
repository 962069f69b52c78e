"""The networks at toy size: shapes, configuration, one step of learning."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from model.artifact import load_artifact  # noqa: E402
from model.engines.keras_engine import load_network, outputs_of  # noqa: E402
from model.engines.output import count_maps, output_of  # noqa: E402
from model.errors import ArtifactMismatch, ModelError  # noqa: E402
from model.evidence import evidence_map, kind_of  # noqa: E402
from model.networks import NETWORKS, build, frozen_part, map_names, tail, vgg  # noqa: E402
from model.networks.layers import ClassesWithEvidence, MaskedAveragePooling  # noqa: E402
from model.networks.learn_to_pay_attention import AttendedFeatures, PeakAtOne  # noqa: E402
from model.networks.vgg import load_imagenet  # noqa: E402
from tests.support.toys import LABELS, toy_images  # noqa: E402

# Images as small as each network takes them.
SIZES = dict.fromkeys(NETWORKS, 32) | {"hard_attention": 64}
# Maps of each network and their sides.
MAPS = {
    "vgg_attention": {"attention": 2},
    "vgg_baseline": {},
    "learn_to_pay_attention": {"deep": 2, "middle": 4, "shallow": 8},
    "hard_attention": {"attention": 2},
    "efficientnet_attention": {"attention": 2, **dict.fromkeys(map(evidence_map, LABELS), 2)},
}
# As they are without the fixture `narrow`.
WIDE, KERAS_VGG16 = vgg.BLOCKS, keras.applications.VGG16
# What switches off everything that a training step does by chance.
STILL = {name: {"dropout": (0.0, 0.0)} for name in NETWORKS}
STILL["efficientnet_attention"] = {"dropout": 0.0, "drop_path": 0.0}

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture(scope="module")
def built(narrow) -> Callable[[str], keras.Model]:
    """Networks by name, each made once; leave them alone."""
    return cache(lambda name: build(name, {"size": SIZES[name]}))


def images_for(name: str) -> np.ndarray:
    shape = (4, SIZES[name], SIZES[name], 3)
    return np.random.default_rng(0).normal(0, 60, shape).astype(np.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs(built, name):
    images, network = images_for(name), built(name)
    output = output_of([*map(np.asarray, outputs_of(network, images))], names := list(MAPS[name]))
    assert output.probabilities.shape == (4, 3)
    np.testing.assert_allclose(output.probabilities.sum(axis=1), 1, atol=1e-5)
    assert map_names(network, LABELS) == names == list(output.maps)
    assert count_maps(tensor.shape for tensor in network.outputs[1:]) == len(names)
    for found, side in MAPS[name].items():
        grid = output.maps[found]
        assert grid.shape == (4, side, side)
        if kind_of(found) == "attention":
            assert grid.min() >= 0
            assert grid.max() <= 1


def test_evidence_and_the_biases_sum_to_the_log_probabilities():
    """Exactly, in the trained network: each against the mean of all classes."""
    network = load_network(load_artifact())
    dense = network.get_layer("probabilities")
    dense.set_weights([dense.get_weights()[0], np.array([0.4, -0.7, 0.1], np.float32)])
    output = output_of(
        [*map(np.asarray, outputs_of(network, toy_images(3, network.input_shape[1])))],
        map_names(network, LABELS),
    )
    logs = np.log(output.probabilities)
    bias = dense.get_weights()[1]
    for number, label in enumerate(LABELS):
        grid = output.maps[evidence_map(label)]
        constant = bias[number] - bias.mean()
        wanted = logs[:, number] - logs.mean(axis=1)
        np.testing.assert_allclose(grid.sum(axis=(1, 2)) + constant, wanted, atol=1e-4)
        assert np.abs(grid.sum(axis=(1, 2))).max() > 0.02  # there is something to sum up
    assert output.features.shape == (3, 1392)


def test_evidence_lies_where_the_features_are():
    features = np.zeros((1, 2, 2, 2), np.float32)
    features[0, 0, 1] = [0, 8]
    coarse, half = np.full((1, 1, 1, 1), 2, np.float32), np.full((1, 1, 1, 1), 0.5, np.float32)
    attention = np.full((1, 2, 2, 1), 0.5, np.float32)
    pooled = np.array([[2, 0, 2]], np.float32)
    layer = ClassesWithEvidence(2, activation="softmax")
    layer.build([part.shape for part in (pooled, coarse, half, features, attention)])
    layer.set_weights([np.array([[1, 0], [1, 0], [0, 4]], np.float32), np.zeros(2, np.float32)])
    probabilities, evidence = map(np.asarray, layer([pooled, coarse, half, features, attention]))
    # Of the logits 2 and 8 the coarse cell gives 1, -1, a quarter in each place.
    np.testing.assert_allclose(evidence[0, 0], [[0.25, 0.25 - 4], [0.25, 0.25]], atol=1e-4)
    np.testing.assert_allclose(evidence[0, 1], -evidence[0, 0], atol=1e-4)
    np.testing.assert_allclose(probabilities[0, 1], 1 / (1 + np.exp(2 - 8)), rtol=1e-4)


def test_with_a_floor_an_empty_map_leaves_the_biases_and_evidence_still_sums_up():
    network = build("efficientnet_attention", {"size": 64, "floor": 0.05})
    dense, seen = network.get_layer("probabilities"), network.get_layer("attention_map")
    bias = np.array([0.4, -0.7, 0.1], np.float32)
    dense.set_weights([dense.get_weights()[0], bias])
    kernel, usual = seen.get_weights()
    for brightness in (usual, usual - 3, usual - 30):
        seen.set_weights([kernel, brightness])
        output = output_of(
            [*map(np.asarray, outputs_of(network, toy_images(2, 64)))], map_names(network, LABELS)
        )
        logs = np.log(output.probabilities)
        sums = np.stack(
            [output.maps[evidence_map(label)].sum(axis=(1, 2)) for label in LABELS], axis=1
        )
        wanted = logs - logs.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(sums + bias - bias.mean(), wanted, atol=1e-4)
    np.testing.assert_allclose(output.features, 0, atol=1e-6)
    np.testing.assert_allclose(wanted, np.tile(bias - bias.mean(), (2, 1)), atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_configuration_makes_the_same_network(built, name):
    images, network = images_for(name), built(name)
    again = keras.Model.from_config(network.get_config())
    again.set_weights(network.get_weights())
    for one, other in zip(outputs_of(network, images), outputs_of(again, images), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_learning_lowers_the_loss(name):
    images = images_for(name)
    keras.utils.set_random_seed(0)
    network = build(name, {"size": SIZES[name], **STILL[name]})
    network = keras.Model(network.input, network.outputs[0])
    # Three steps are not worth compiling the network.
    network.compile(
        keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", run_eagerly=True
    )
    targets = np.array([0, 1, 2, 0])
    losses = [float(network.train_on_batch(images, targets)) for _ in range(3)]
    assert losses[-1] < losses[0]


def test_without_the_last_pooling_the_map_is_finer():
    fine, coarse = (
        build("vgg_attention", {"size": 96, "final_pool": pool}).outputs[1].shape
        for pool in (False, True)
    )
    assert (fine, coarse) == ((None, 6, 6), (None, 3, 3))


def test_another_number_of_classes():
    assert build("vgg_attention", {"size": 32, "classes": 4}).outputs[0].shape == (None, 4)


def test_too_small_images_and_unknown_networks_are_refused():
    with pytest.raises(ValueError, match="Received: 16"):
        build("vgg_attention", {"size": 16})
    with pytest.raises(ArtifactMismatch, match="vgg_attention"):
        build("resnet", {})


@pytest.mark.parametrize("fine_tune", [True, False])
@pytest.mark.parametrize("name", [name for name in NETWORKS if NETWORKS[name].frozen_until])
def test_frozen_part_and_tail_are_the_whole(built, name, fine_tune):
    images, network = images_for(name), built(name)
    features = frozen_part(network, fine_tune).predict_on_batch(images)
    whole = outputs_of(network, images)
    behind = tail(network, fine_tune)
    parts = outputs_of(behind, features)
    learning = NETWORKS[name].imagenet_layers_of(behind)
    assert bool(learning) == fine_tune
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_saved_networks_are_loaded_with_the_registered_layers_alone(built, tmp_path):
    for name in NETWORKS:
        network, images = built(name), images_for(name)
        network.save(tmp_path / f"{name}.keras")
        np.savez(tmp_path / f"{name}.npz", images=images, said=outputs_of(network, images)[0])
    program = (
        "import keras, numpy as np, model.networks\n"
        "for name in model.networks.NETWORKS:\n"
        "    network = keras.saving.load_model(f'{name}.keras')\n"
        "    kept = np.load(f'{name}.npz')\n"
        "    said = network.predict_on_batch(kept['images'])\n"
        "    said = said[0] if isinstance(said, list) else said\n"
        "    np.testing.assert_allclose(said, kept['said'], atol=1e-5, err_msg=name)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)


@pytest.mark.parametrize("name", NETWORKS)
def test_only_layers_with_imagenets_weights_count_as_such(built, name):
    """Where these are frozen, everything else still learns."""
    network = built(name)
    frozen = {layer.name for layer in NETWORKS[name].imagenet_layers_of(network)}
    head = [layer for layer in network.layers if layer.name not in frozen and layer.weights]
    assert not [n for n in frozen if any(word in n for word in ("local", "attention", "policy"))]
    assert len(head) >= 2


def test_imagenet_weights_from_a_file(tmp_path, monkeypatch):
    """Of VGG16 as it is."""
    monkeypatch.setattr(vgg, "BLOCKS", WIDE)
    monkeypatch.setattr(keras.applications, "VGG16", KERAS_VGG16)
    source = keras.applications.VGG16(include_top=False, weights=None)
    source.save_weights(tmp_path / "vgg.weights.h5")
    network = build("vgg_attention", {"size": 32})
    monkeypatch.setenv("CXR_VGG16_WEIGHTS", str(tmp_path / "vgg.weights.h5"))
    load_imagenet(network)
    np.testing.assert_array_equal(
        network.get_layer("block5_conv3").get_weights()[0],
        source.get_layer("block5_conv3").get_weights()[0],
    )
    monkeypatch.setenv("CXR_VGG16_WEIGHTS", str(tmp_path / "missing.weights.h5"))
    with pytest.raises(ModelError, match="CXR_VGG16_WEIGHTS"):
        load_imagenet(network)


def test_masked_average():
    features = np.zeros((1, 2, 2, 1), np.float32)
    features[0, 0, 0], features[0, 1, 1] = 8, 100
    mask = np.zeros((1, 2, 2, 1), np.float32)
    mask[0, 0] = 0.5  # the upper row: 8 and 0
    pooled = MaskedAveragePooling()([features, mask])
    assert float(pooled[0, 0]) == pytest.approx(4, rel=1e-4)
    # The map's mean is a quarter: as much again halves the average.
    halved = MaskedAveragePooling(floor=0.25)([features, mask])
    assert float(halved[0, 0]) == pytest.approx(2, rel=1e-4)


def test_dot_attention_looks_where_the_query_fits():
    local = np.zeros((1, 2, 2, 4), np.float32)
    local[0, 1, 0, 2] = 20
    query = np.array([[0, 0, 1, 0]], np.float32)
    attended, grid = AttendedFeatures("dot")([local, query])
    assert np.asarray(grid)[0].argmax() == 2
    assert float(np.asarray(grid).sum()) == pytest.approx(1, rel=1e-5)
    assert float(attended[0, 2]) > 19
    with pytest.raises(ValueError, match="'cosine'"):
        AttendedFeatures("cosine")


def test_the_highest_value_of_a_map_becomes_one():
    grid = np.random.default_rng(0).random((2, 8, 8)).astype(np.float32) / 50
    found = np.asarray(PeakAtOne()(grid))
    np.testing.assert_allclose(found.max(axis=(1, 2)), 1)
    np.testing.assert_allclose(found * grid.max(axis=(1, 2), keepdims=True), grid, rtol=1e-5)
