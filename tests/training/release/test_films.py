"""Histograms of the films of `val` in an artifact that was made without them."""

import json
import shutil

import pytest
from click.testing import CliRunner

from model.artifact import METADATA, load_artifact
from model.films import histograms
from tests.support.toys import CLASSES
from training.data.manifest import read_data
from training.data.samples import data_hash
from training.release.films import films_of, main


@pytest.fixture
def artifact(toy_artifact, tmp_path):
    return shutil.copytree(toy_artifact(name="three"), tmp_path / "artifact")


@pytest.fixture
def data(radiographs, tmp_path):
    """Chests that the gate lets through and, in `val`, one film that it does not."""
    rows = ["path,label,split,patient,source"]
    for split in ("train", "val", "test"):
        for label in CLASSES.labels:
            for name in ("RG1_UNCI", "RG1_UNCR"):
                file = tmp_path / f"{split}-{label}-{name}.dcm"
                shutil.copy(radiographs[name], file)
                rows.append(f"{file.name},{label},{split},{file.stem},here")
    shutil.copy(radiographs["RG3_UNCI"], tmp_path / "leg.dcm")
    rows.append("leg.dcm,NORMAL,val,leg,here")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "manifest.csv"


def describe(artifact, data):
    file = artifact / METADATA
    metadata = json.loads(file.read_text())
    metadata |= {"data_sha256": data_hash(read_data(data, CLASSES))}
    file.write_text(json.dumps(metadata, indent=2) + "\n")
    return metadata


def run(artifact, data):
    arguments = ["released", str(artifact), "--data", str(data)]
    return CliRunner().invoke(main, arguments)


def test_the_metadata_get_histograms_and_nothing_else_changes(artifact, data):
    before = describe(artifact, data)
    done = run(artifact, data)
    assert done.exit_code == 0, done.output
    after = dict(load_artifact(artifact).metadata)
    films = after.pop("films")
    assert after == before
    assert (films["split"], films["n"]) == ("val", 6), "the leg is left out"
    found = histograms({"films": films})
    # A toy keeps no training films, so there is no distance from them.
    assert list(found) == ["gate", "mean", "contrast", "aspect"]
    assert {sum(one.counts) for one in found.values()} == {6}


def test_other_data_are_refused(artifact, data):
    describe(artifact, data)
    data.write_text(data.read_text().replace("leg.dcm,NORMAL", "leg.dcm,PNEUMONIA"))
    done = run(artifact, data)
    assert done.exit_code == 1
    assert "was made of other data" in done.output
    assert "films" not in load_artifact(artifact).metadata


def test_without_a_chest_there_is_nothing_to_count(artifact, data):
    leg = [sample for sample in read_data(data, CLASSES) if sample.path.name == "leg.dcm"]
    assert films_of(load_artifact(artifact), leg) is None
