"""A model whose films are framed by their lungs, from its folder to its results."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from model.artifact import LUNGS, load_artifact, save_metadata
from model.classifier import Classifier
from model.errors import ArtifactMismatch, ArtifactMissing
from model.framing.lungs import MODEL_FILE
from model.input.preprocess import Preprocessing
from tests.support.pictures import png_of
from tests.support.toys import LABELS, SIZE


@pytest.fixture
def framed(toy_artifact, tmp_path) -> Path:
    """A toy artifact with the frame `lungs`."""
    folder = shutil.copytree(toy_artifact(), tmp_path / "framed")
    shutil.copy(MODEL_FILE, folder / LUNGS)
    save_metadata(
        folder,
        Preprocessing(size=SIZE, frame="lungs", margin=0.3),
        LABELS,
        ["attention"],
        name="framed",
        version="0.0.1",
        architecture="vgg_attention",
        config={},
        uncertain_below=0.0,
    )
    return folder


def test_a_chest_is_shown_from_lung_to_lung(framed, chest):
    classifier = Classifier.load(framed)
    prepared = classifier.prepare(png_of(chest.pixels))
    [result] = classifier.classify([prepared])

    assert prepared.lungs_found
    assert not result.uncertain
    assert 0 <= result.box.left < result.box.right <= 1
    assert 0 <= result.box.top < result.box.bottom <= 1
    assert result.maps["attention"].ndim == 2


def test_a_result_about_a_film_without_lungs_is_uncertain(framed, chest, monkeypatch):
    monkeypatch.setattr("model.framing.lungs.MAX_SPREAD", 0.0)
    classifier = Classifier.load(framed)
    prepared = classifier.prepare(png_of(chest.pixels))
    [result] = classifier.classify([prepared])

    assert not prepared.lungs_found
    assert result.uncertain
    assert result.box == (0, 0, 1, 1)


def test_the_network_sees_the_same_of_a_padded_film(framed, chest):
    classifier = Classifier.load(framed)
    plain = classifier.prepare(png_of(chest.pixels)).image
    padded = classifier.prepare(png_of(np.pad(chest.pixels, 40))).image

    assert np.corrcoef(plain.ravel(), padded.ravel())[0, 1] > 0.9


def test_its_finder_is_bound_to_it(framed):
    (framed / LUNGS).write_bytes(b"another")
    with pytest.raises(ArtifactMismatch, match=LUNGS):
        load_artifact(framed)
    (framed / LUNGS).unlink()
    with pytest.raises(ArtifactMissing, match=LUNGS):
        load_artifact(framed)
