"""The engines: same answers from int8 and Keras, batches of any size, the released network."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

from model.artifact import load_artifact
from model.classifier import Classifier
from model.engines import load_engine
from model.engines.litert_engine import LiteRTEngine
from model.engines.output import output_of
from model.errors import ArtifactMismatch, ModelError
from model.input.prepared import prepare_file
from tests.support.engines import keras_engine
from tests.support.toys import toy_artifact, toy_images

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture(scope="module")
def toy():
    pytest.importorskip("tensorflow")
    return load_artifact(toy_artifact())


@pytest.fixture(scope="module")
def toy_exact(toy):
    """Leave it alone."""
    return keras_engine(toy)


def test_litert_answers_one_image_and_many(toy):
    engine = load_engine(toy, "cpu")
    images = toy_images(3)
    output = engine.predict(images)
    probabilities, attention = output.probabilities, output.maps["attention"]
    assert (probabilities.shape, probabilities.dtype) == ((3, 3), np.float32)
    assert (attention.shape, attention.dtype) == ((3, 2, 2), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    alone = engine.predict(images[2:])
    np.testing.assert_array_equal(alone.probabilities[0], probabilities[2])


def test_int8_and_keras_agree(toy, toy_exact):
    images = toy_images(8)
    int8, exact = LiteRTEngine(toy).predict(images), toy_exact.predict(images)
    assert np.abs(int8.probabilities - exact.probabilities).mean() < 0.02
    assert np.abs(int8.maps["attention"] - exact.maps["attention"]).mean() < 0.05


@pytest.mark.parametrize(
    ("architecture", "size", "maps"),
    [
        ("learn_to_pay_attention", 32, {"deep": 2, "middle": 4, "shallow": 8}),
        ("hard_attention", 128, {"attention": 4}),
        ("vgg_baseline", 32, {}),
    ],
)
def test_every_engine_gives_all_maps_of_four_classes(architecture, size, maps):
    """Three maps of three depths; the part that was read; none of a network without attention."""
    pytest.importorskip("tensorflow")
    labels = ("A", "B", "C", "D")
    artifact = load_artifact(toy_artifact(size, labels, architecture))
    images = toy_images(2, size)
    int8, exact = LiteRTEngine(artifact).predict(images), keras_engine(artifact).predict(images)
    for output in (int8, exact):
        assert output.probabilities.shape == (2, 4)
        assert {name: grids.shape for name, grids in output.maps.items()} == {
            name: (2, side, side) for name, side in maps.items()
        }
        assert list(output.maps) == list(maps)
    assert np.abs(int8.probabilities - exact.probabilities).mean() < 0.02
    for name in maps:
        assert exact.maps[name].max(axis=(1, 2)) == pytest.approx(1)
        assert np.abs(int8.maps[name] - exact.maps[name]).mean() < 0.08


@pytest.fixture(scope="module")
def released_exact():
    """The released network by Keras: compiling it takes long."""
    return keras_engine(load_artifact())


def test_engines_agree_on_evidence_and_features(released_exact, radiographs):
    """Of the network that has them; an artifact made before it had them gets what it names."""
    artifact = load_artifact()
    evidence = ("evidence_COVID19", "evidence_NORMAL", "evidence_PNEUMONIA")
    assert artifact.maps == ("attention", *evidence)
    files = [path for name, path in sorted(radiographs.items()) if name.startswith("RG1")][:3]
    images = np.stack([prepare_file(file, artifact.preprocessing).image for file in files])
    int8, exact = LiteRTEngine(artifact).predict(images), released_exact.predict(images)
    side = artifact.preprocessing.size // 16
    for output in (int8, exact):
        assert list(output.maps) == list(artifact.maps)
        assert output.features.shape == (3, 1392)
        together = sum(output.maps[name] for name in evidence)
        np.testing.assert_allclose(together, np.zeros((3, side, side)), atol=1e-4)
    for name in artifact.maps:
        assert np.abs(int8.maps[name] - exact.maps[name]).mean() < 0.05
    older = dataclasses.replace(artifact, maps=("attention",))
    assert list(keras_engine(older).predict(images[:1]).maps) == ["attention"]


def test_other_outputs_than_the_metadata_says(toy):
    with pytest.raises(ArtifactMismatch, match="has 1 maps"):
        LiteRTEngine(dataclasses.replace(toy, maps=("attention", "evidence")))


def test_keras_finds_the_batch_that_is_worth_its_size(toy, monkeypatch):
    from model.engines.keras_engine import KerasEngine

    speeds = {8: 100.0, 16: 190.0, 32: 300.0, 64: 305.0, 128: 900.0}
    monkeypatch.setattr(KerasEngine, "_images_per_second", lambda _, size: speeds[size])
    assert KerasEngine(toy).batch_size == 32
    speeds[16] = 101.0
    assert KerasEngine(toy).batch_size == 8


def test_keras_stays_below_the_batch_that_memory_does_not_hold(toy, monkeypatch):
    from model.engines.keras_engine import KerasEngine

    def measured(_, size: int) -> float:
        if size > 16:
            raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return size * 10.0

    monkeypatch.setattr(KerasEngine, "_images_per_second", measured)
    assert KerasEngine(toy).batch_size == 16


def test_keras_pads_and_splits_batches(toy):
    from model.engines.keras_engine import BATCHES, KerasEngine

    engine = KerasEngine(toy, "float32")
    assert engine.batch_size in BATCHES
    images = toy_images(7)
    together = engine.predict(images)
    engine.batch_size = 4
    split = engine.predict(images)
    assert split.maps["attention"].shape == (7, 2, 2)
    np.testing.assert_allclose(split.probabilities, together.probabilities, atol=1e-5)


def test_keras_in_half_precision(toy, toy_exact):
    images = toy_images(4)
    exact = toy_exact.predict(images).probabilities
    half = keras_engine(toy, "mixed_bfloat16").predict(images).probabilities
    assert half.dtype == np.float32
    assert np.abs(half - exact).mean() < 0.02


def test_the_batch_is_halved_when_memory_runs_out(toy, toy_exact, monkeypatch):
    engine = keras_engine(toy)
    assert engine.batch_size == 8
    expected = toy_exact.predict(toy_images(6)).probabilities
    predict = engine._network.predict_on_batch

    def small_device(images):
        if len(images) > 2:
            raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return predict(images)

    monkeypatch.setattr(engine._network, "predict_on_batch", small_device)
    found = engine.predict(toy_images(6)).probabilities
    assert engine.batch_size == 2
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_cpu_engine_needs_no_tensorflow():
    program = (
        "import sys, numpy as np\n"
        "from model.artifact import load_artifact\n"
        "from model.engines import load_engine\n"
        "artifact = load_artifact()\n"
        "size = artifact.preprocessing.size\n"
        "load_engine(artifact).predict(np.zeros((1, size, size, 3), np.float32))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_without_tensorflow_the_gpu_engine_says_what_to_install():
    program = (
        "import sys\n"
        "sys.modules['keras'] = sys.modules['tensorflow'] = None\n"
        "from model.artifact import load_artifact\n"
        "from model.engines import load_engine\n"
        "from model.errors import ModelError\n"
        "try:\n"
        "    load_engine(load_artifact(), 'gpu')\n"
        "except ModelError as error:\n"
        "    assert 'pip install' in str(error), error\n"
        "else:\n"
        "    raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_released_network_on_a_real_radiograph(radiographs):
    classifier = Classifier.load()
    chest = next(path for name, path in sorted(radiographs.items()) if name.startswith("RG1"))
    (result,) = classifier.classify([classifier.prepare(chest)])
    assert sum(result.probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert result.maps["attention"].shape == (load_artifact().preprocessing.size // 16,) * 2
    assert np.ptp(result.maps["attention"].astype(np.float32)) > 0.05


def test_200_real_radiographs(training_data):
    """A sanity check of the whole chain, order of labels included: 0.859 on all of `test`."""
    from training.data.manifest import read_data
    from training.data.samples import Classes
    from training.data.splits import of_split
    from training.measure.evaluate import ask

    samples = of_split(read_data(training_data, Classes(load_artifact().labels)), "test")
    chosen = np.random.default_rng(1).permutation(len(samples))[:200]
    artifact = load_artifact()
    engine = load_engine(artifact, "cpu", threads=os.cpu_count() or 1)
    answers = ask(engine, artifact, [samples[n] for n in chosen], gate=False)
    assert (answers.probabilities.argmax(axis=1) == answers.targets).mean() > 0.8
    assert (np.ptp(answers.main_map, axis=(1, 2)) > 0.01).all()


def test_int8_and_float32_agree_on_real_radiographs(training_data, released_exact):
    from training.data.manifest import read_data
    from training.data.samples import Classes
    from training.data.splits import of_split
    from training.measure.evaluate import agreement, ask

    samples = of_split(read_data(training_data, Classes(load_artifact().labels)), "test")
    chosen = [samples[n] for n in np.random.default_rng(2).permutation(len(samples))[:200]]
    artifact = load_artifact()
    int8, exact = (
        ask(engine, artifact, chosen, gate=False).probabilities
        for engine in (load_engine(artifact, "cpu", os.cpu_count() or 1), released_exact)
    )
    found = agreement(int8, exact)
    assert found["label_agreement"] >= 0.985  # 99 % on all of `test`: see the metadata
    assert found["mean_absolute_difference"] < 0.01


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_is_no_number_is_no_probability(broken):
    probabilities = np.array([[0.2, 0.8], [broken, 0.5]], np.float32)
    with pytest.raises(ModelError, match="not a number"):
        output_of([probabilities], [])
