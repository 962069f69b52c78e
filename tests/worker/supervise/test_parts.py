"""What must be right about the models before anything starts."""

import shutil
from dataclasses import replace

import pytest

from model.artifact import INT8
from model.errors import ArtifactMissing
from tests.support.toys import relabelled
from worker.errors import SettingsError
from worker.supervise.parts import check_models


@pytest.fixture
def active(settings, toy_artifact):
    return replace(settings, artifact=toy_artifact(name="three"))


def refused(settings, folder) -> str:
    with pytest.raises(SettingsError, match="CXR_SHADOW_ARTIFACT") as error:
        check_models(replace(settings, shadow_artifact=folder))
    assert str(folder) in str(error.value)
    return str(error.value)


def test_a_shadow_may_have_other_labels(active, tmp_path):
    turned = relabelled(active.artifact, tmp_path / "other", "NORMAL", "VIRAL", "BACTERIAL")
    check_models(replace(active, shadow_artifact=turned))


def test_a_shadow_without_a_label_in_common_compares_nothing(active, tmp_path):
    other = relabelled(active.artifact, tmp_path / "other", "A", "B", "C")
    message = refused(active, other)
    assert "labels in common with the one in use (COVID19, NORMAL, PNEUMONIA)" in message
    assert "with A, B, C." in message


def test_a_model_is_not_its_own_shadow(active, tmp_path):
    copy = shutil.copytree(active.artifact, tmp_path / "copy")
    assert "which is three-0.0.1, as that one is" in refused(active, copy)


def test_a_shadow_that_is_missing_or_damaged(active, tmp_path):
    assert "has no metadata.json" in refused(active, tmp_path / "nothing")
    damaged = relabelled(active.artifact, tmp_path / "damaged", "NORMAL", "B", "C")
    (damaged / INT8).write_bytes(b"no network")
    assert "SHA-256 differs" in refused(active, damaged)


def test_the_model_itself_must_be_there(settings, tmp_path):
    with pytest.raises(ArtifactMissing):
        check_models(replace(settings, artifact=tmp_path / "nothing"))
