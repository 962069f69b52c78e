"""Fitting the gate: the pictures it is fitted on, and the fit itself on made-up features."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("skimage")

from model.gate.features import THUMB, measure
from model.gate.frontal import SHAPE, FrontalModel
from training.gate.chests import as_sent
from training.gate.fitting import Measured, fit
from training.gate.negatives import CHEST_KINDS, KINDS

D = SHAPE + 10
TEMPLATE = np.zeros((THUMB, THUMB), np.float32)


def check_picture(picture: np.ndarray) -> None:
    assert picture.ndim == 2
    assert min(picture.shape) >= 20
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert np.isfinite(measure(picture, TEMPLATE)).all()


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_other_picture(kind, split):
    random = np.random.default_rng(1)
    for _ in range(4):
        check_picture(KINDS[kind](random, split))


@pytest.mark.parametrize("kind", CHEST_KINDS)
def test_every_way_to_spoil_a_chest(kind):
    random = np.random.default_rng(1)
    chest = random.random((200, 240), np.float32)
    for _ in range(12):
        check_picture(CHEST_KINDS[kind](random, chest))


def test_variants_of_a_chest_leave_it_alone():
    random = np.random.default_rng(1)
    chest = random.random((200, 240), np.float32)
    before = chest.copy()
    for _ in range(30):
        check_picture(as_sent(random, chest))

    np.testing.assert_array_equal(chest, before)


def test_pictures_of_one_split_show_in_no_other():
    faces = {
        split: {KINDS["face"](random, split).tobytes() for _ in range(80)}
        for split, random in ((s, np.random.default_rng(2)) for s in ("train", "val", "test"))
    }

    assert not faces["train"] & faces["val"]
    assert not faces["train"] & faces["test"]
    assert not faces["val"] & faces["test"]


def made_up(random: np.random.Generator, n: int) -> Measured:
    """Chests vary along few directions; other pictures lie anywhere."""
    directions = np.random.default_rng(9).normal(size=(5, D))
    chests = random.normal(size=(n, 5)) @ directions + 0.1 * random.normal(size=(n, D))
    others = 2 * random.normal(size=(n, D))
    for features in (chests, others):
        features[:, -3:-1] = 0.1  # neither black nor white
    return Measured(
        chests=chests.astype(np.float32),
        sources=np.full(n, "made up"),
        variants=chests.astype(np.float32),
        others=others.astype(np.float32),
        kinds=np.full(n, "anything"),
    )


@pytest.fixture(scope="module")
def model() -> FrontalModel:
    random = np.random.default_rng(0)
    return fit(made_up(random, 600), made_up(random, 600), TEMPLATE)


def test_a_fit_tells_them_apart_and_survives_saving(model, tmp_path):
    test = made_up(np.random.default_rng(1), 600)
    model.save(tmp_path / "gate.npz")
    loaded = FrontalModel.load(tmp_path / "gate.npz")

    assert loaded.refuses(test.others).mean() > 0.9
    assert loaded.refuses(test.chests).mean() < 0.05
    np.testing.assert_allclose(
        loaded.scores(test.chests), model.scores(test.chests), rtol=1e-3, atol=1e-3
    )


def test_mostly_empty_pictures_are_refused_whatever_their_score(model):
    model = replace(model, threshold=np.float32(-1e9))
    chests = made_up(np.random.default_rng(1), 200).chests
    empty = chests.copy()
    empty[:, -2] = 0.9

    assert not model.refuses(chests).any()
    assert model.refuses(empty).all()
