"""The artifact: the released one holds what it says, and a broken one is refused in a sentence."""

import json
import shutil

import numpy as np
import pytest

from model.artifact import (
    INT8,
    LUNGS,
    METADATA,
    RELEASED,
    TRAINING_FILMS,
    WEIGHTS,
    load_artifact,
    sha256,
)
from model.errors import ArtifactMismatch, ArtifactMissing

MEGABYTE = 1_000_000


@pytest.fixture
def broken(tmp_path):
    """A copy of the released artifact, and a function that changes its metadata."""
    folder = tmp_path / "artifact"
    shutil.copytree(RELEASED, folder)

    def change(**fields):
        metadata = json.loads((folder / METADATA).read_text())
        (folder / METADATA).write_text(json.dumps(metadata | fields))
        return folder

    return change


def test_released_artifact():
    artifact = load_artifact()
    metadata = artifact.metadata
    assert artifact.labels == tuple(metadata["labels"]) == ("COVID19", "NORMAL", "PNEUMONIA")
    evidence = tuple(f"evidence_{label}" for label in artifact.labels)
    assert artifact.maps == ("attention", *evidence)
    assert artifact.version == "efficientnet_attention-2.2.0"
    files = (INT8, WEIGHTS, LUNGS, TRAINING_FILMS)
    assert metadata["files"] == {name: sha256(RELEASED / name) for name in files}
    assert sum(file.stat().st_size for file in RELEASED.iterdir()) < 20 * MEGABYTE
    assert 1 / len(artifact.labels) < artifact.uncertain_below < 1
    assert artifact.preprocessing.id == metadata["preprocessing_id"]
    assert len(metadata["data_sha256"]) == 64


def test_released_artifact_says_how_good_it_is():
    metadata = load_artifact().metadata
    assert metadata["metrics"]["n"] == metadata["images"]["test"]
    assert set(metadata["metrics"]["sources"]) == {
        "cohen",
        "cxnet",
        "kermany",
        "nih",
        "radiography",
        "siim",
    }
    for part in (metadata["metrics"], *metadata["metrics"]["sources"].values()):
        figure = part["figures"]["accuracy"]
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert metadata["int8"]["label_agreement"] >= 0.99
    assert metadata["int8"]["mean_absolute_difference"] < 0.01


def test_no_machine_or_home_is_named_in_the_metadata():
    text = (RELEASED / METADATA).read_text()
    assert not any(word in text for word in ("/work", "/home", "/root", "/tmp"))


def test_a_missing_artifact(tmp_path):
    with pytest.raises(ArtifactMissing, match="CXR_ARTIFACT"):
        load_artifact(tmp_path / "nowhere")


def test_a_missing_file(broken):
    folder = broken()
    (folder / INT8).unlink()
    with pytest.raises(ArtifactMissing, match=INT8):
        load_artifact(folder)


def test_a_changed_file(broken):
    folder = broken()
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(ArtifactMismatch, match="SHA-256"):
        load_artifact(folder)


def test_metadata_of_another_program(broken):
    with pytest.raises(ArtifactMismatch, match="this program"):
        load_artifact(broken(format=99))


@pytest.mark.parametrize("metadata", ["[]", "7", '{"format": 1}', '{"format": 1, "labels": 7}'])
def test_metadata_of_no_model(broken, metadata):
    folder = broken()
    (folder / METADATA).write_text(metadata)
    with pytest.raises(ArtifactMismatch, match=str(folder)):
        load_artifact(folder)


@pytest.mark.parametrize(
    "fields",
    [
        {"files": []},
        {"files": {}},
        {"files": {INT8: sha256(RELEASED / INT8), WEIGHTS: sha256(RELEASED / WEIGHTS)}},
        {"uncertain_below": None},
        {"triage": {"well": "NORMAL", "threshold": None}},
        {"preprocessing": {"size": 224, "unknown": 1}},
        {"uncertain_below": None, "preprocessing": None},
        {"triage": {"threshold": 0.5}},
        {"triage": {"well": "HEALTHY", "threshold": 0.5}},
    ],
)
def test_metadata_that_do_not_fit_each_other(broken, fields):
    with pytest.raises(ArtifactMismatch, match="cannot be used"):
        load_artifact(broken(**fields))


@pytest.mark.parametrize(
    "labels",
    [["COVID19"], [str(n) for n in range(11)], ["A", "A"], ["A", " B"], ["A", ""], ["A", 2], "AB"],
)
def test_labels_that_are_none(broken, labels):
    with pytest.raises(ArtifactMismatch, match="Received"):
        load_artifact(broken(labels=labels))


def test_labels_have_any_names_and_keep_their_order(broken):
    labels = ["Zoster", "normal", "Lungenentzündung, viral", "D"]
    assert load_artifact(broken(labels=labels, triage=None)).labels == tuple(labels)


def test_an_artifact_of_the_time_before_maps_had_names(broken):
    folder = broken()
    metadata = json.loads((folder / METADATA).read_text())
    del metadata["maps"]
    (folder / METADATA).write_text(json.dumps(metadata))
    assert load_artifact(folder).maps == ("attention",)


def test_damaged_metadata(broken):
    folder = broken()
    (folder / METADATA).write_text("{")
    with pytest.raises(ArtifactMismatch, match=METADATA):
        load_artifact(folder)


def test_metrics_are_finite_numbers():
    def numbers(value):
        if isinstance(value, dict):
            for inner in value.values():
                yield from numbers(inner)
        elif isinstance(value, float):
            yield value

    assert np.isfinite(list(numbers(load_artifact().metadata["metrics"]))).all()
