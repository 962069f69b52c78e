"""From a trained network to an artifact: its files, what its metadata says, what it answers."""

import json
import shutil

import numpy as np
import pytest

from model.artifact import load_artifact
from model.engines import load_engine
from tests.support.commands import cxr
from tests.support.engines import keras_engine
from tests.support.toys import CLASSES, LABELS
from training.data.manifest import read_data
from training.data.samples import data_hash
from training.data.splits import of_split
from training.errors import TrainingError
from training.measure.evaluate import agreement, ask, report

pytest.importorskip("keras")

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture(scope="module")
def artifact(trained):
    return load_artifact(trained.artifact)


@pytest.fixture(scope="module")
def tested(trained):
    return of_split(read_data(trained.data, CLASSES), "test")


@pytest.fixture(scope="module")
def answers(artifact, tested):
    return ask(load_engine(artifact), artifact, tested, gate=False)


def test_the_metadata_says_where_the_model_comes_from(trained, artifact):
    metadata = artifact.metadata

    assert metadata["data_sha256"] == data_hash(read_data(trained.data, CLASSES))
    assert metadata["images"] == {"train": 12, "val": 12, "test": 12}
    assert metadata["recipe"]["epochs"] == 1
    assert metadata["recipe"]["batch"] == 6
    assert 0.2 <= metadata["temperature"] <= 5
    assert 1 / len(LABELS) < artifact.uncertain_below <= 1
    assert set(metadata["made_with"]) == {"tensorflow", "keras", "numpy"}
    assert str(trained.data.parent) not in json.dumps(metadata)


def test_the_metadata_says_how_good_it_is_per_source(artifact):
    metrics = artifact.metadata["metrics"]

    assert list(metrics["sources"]) == ["stripes"]
    for part in (metrics, metrics["sources"]["stripes"]):
        assert (part["n"], part["patients"]) == (12, 12)
        assert part["classes"] == dict.fromkeys(LABELS, 4)
        accuracy = part["figures"]["accuracy"]
        assert 0 <= accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
    assert metrics["lung_attention"] is None
    assert metrics["refused"]["n"] == 0


def test_rounding_changes_little(artifact):
    for comparison in ("int8", "rounded_weights"):
        assert artifact.metadata[comparison]["n"] == 12
        assert artifact.metadata[comparison]["mean_absolute_difference"] < 0.03


def test_the_engines_agree(artifact, answers, tested):
    exact = ask(keras_engine(artifact), artifact, tested, gate=False)
    assert agreement(answers.probabilities, exact.probabilities)["max_difference"] < 0.1
    assert np.abs(answers.main_map - exact.main_map).mean() < 0.05


def test_the_metadata_holds_what_evaluation_finds(artifact, answers):
    """`cxr evaluate` of the artifact repeats the figures in it."""
    assert report(answers) == artifact.metadata["metrics"]


def test_answers_are_in_the_order_of_the_samples(artifact, tested):
    engine = load_engine(artifact)
    backwards = ask(engine, artifact, tested[::-1], gate=False)
    alone = ask(engine, artifact, tested[4:5], gate=False)

    assert [sample.path for sample in backwards.samples] == [s.path for s in tested[::-1]]
    np.testing.assert_array_equal(alone.probabilities[0], backwards.probabilities[-5])


def test_what_cannot_be_read_or_is_no_chest_is_counted(artifact, tested, radiographs, tmp_path):
    from dataclasses import replace

    broken = tmp_path / "broken.png"
    broken.write_bytes(tested[0].path.read_bytes()[:200])
    chest, leg, missing = radiographs["RG1_UNCI"], radiographs["RG3_UNCI"], tmp_path / "none.png"
    samples = [replace(tested[0], path=path) for path in (broken, leg, chest, missing)]
    found = ask(load_engine(artifact), artifact, samples)

    assert [sample.path for sample in found.samples] == [chest]
    assert [refused.code for refused in found.refused] == [
        "unreadable",
        "not_a_chest_xray",
        "unreadable",
    ]
    assert report(found, resamples=5)["refused"]["reasons"] == {
        "unreadable": 2,
        "not_a_chest_xray": 1,
    }


def test_nothing_to_say_about_no_image(artifact, tested):
    with pytest.raises(TrainingError, match="None of 0 images"):
        ask(load_engine(artifact), artifact, [])
    with pytest.raises(TrainingError, match=r"None of 12 images could be classified\. The first: "):
        ask(load_engine(artifact), artifact, tested)


def test_an_export_needs_every_split(copied, tmp_path):
    data = shutil.copytree(copied.data, tmp_path / "data")
    shutil.rmtree(data / "train")
    result = cxr(
        *("export", copied.folder, "--recipe", copied.recipe, "--data", data),
        CXR_VGG16_WEIGHTS=str(copied.vgg16),
    )
    assert result.exit_code == 1
    assert "both splits, train and val" in result.stderr
    assert load_artifact(copied.artifact).version == "stripes-0.1.0"


def test_an_export_that_is_interrupted_leaves_the_model_of_before(copied, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("training.release.export.films_of", interrupted)
    before = {file.name: file.read_bytes() for file in copied.artifact.iterdir()}
    around = sorted(copied.folder.iterdir())
    result = cxr(
        *("export", copied.folder, "--recipe", copied.recipe, "--data", copied.data),
        CXR_VGG16_WEIGHTS=str(copied.vgg16),
    )
    assert result.exit_code != 0
    assert {file.name: file.read_bytes() for file in copied.artifact.iterdir()} == before
    assert sorted(copied.folder.iterdir()) == around


def test_a_run_that_is_exported_again_keeps_what_is_known_of_its_time(copied):
    report = json.loads((copied.folder / "report.json").read_text())
    shutil.rmtree(copied.artifact)
    result = cxr(
        *("export", copied.folder, "--recipe", copied.recipe, "--data", copied.data),
        CXR_VGG16_WEIGHTS=str(copied.vgg16),
    )
    assert result.exit_code == 0, result.output
    again = json.loads((copied.folder / "report.json").read_text())
    assert again["run"] == report["run"]
    assert again["run"]["seconds"] > 0
    assert load_artifact(copied.artifact).version == "stripes-0.1.0"
