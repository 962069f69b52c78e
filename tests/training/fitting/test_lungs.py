"""Attention that is kept to the lungs: made-up X-rays whose lungs are bright."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras")
pytest.importorskip("skimage")

import keras

from model.input.preprocess import Preprocessing, crop_and_stretch
from model.networks import build, frozen_part, vgg
from tests.support.toys import LABELS
from training.data.augment import Augmentation, move
from training.data.samples import Sample
from training.errors import TrainingError
from training.fitting import lungs as training_lungs
from training.fitting.features import FeatureCache
from training.fitting.images import Images, random_of
from training.fitting.lungs import Copy, OutsideTheLungs, lung_maps
from training.fitting.recipe import Recipe
from training.measure.maps.attention import lung_mask, lung_shares

PREPROCESSING = Preprocessing(size=64, border=0.0)
MOVING = Augmentation(crop_least=0.0, crop=0.2, flip=0.5, rotation=10, shear=8)
RECIPE = Recipe(
    name="lungs",
    version="0.1.0",
    architecture="vgg_attention",
    labels=LABELS,
    preprocessing=PREPROCESSING,
    augmentation=MOVING,
    learning_rate=1e-3,
    lungs=1.0,
)


@pytest.fixture
def samples(tmp_path) -> list[Sample]:
    """Eight X-rays with one bright lung, on either side; the last two without a mask."""
    random = np.random.default_rng(0)
    found = []
    for number in range(8):
        lung = np.zeros((96, 96), bool)
        left = 8 if number % 2 else 56
        lung[16:80, left : left + 32] = True
        picture = 60 + 150 * lung + random.normal(0, 4, lung.shape)
        file, mask = tmp_path / f"{number}.png", tmp_path / f"{number}-lungs.png"
        Image.fromarray(picture.astype(np.uint8)).save(file)
        Image.fromarray(lung).save(mask)
        drawn = mask if number < 6 else None
        found.append(Sample(file, "NORMAL", "train", str(number), "here", drawn))
    return found


def test_what_lies_outside_is_paid_for():
    layer = OutsideTheLungs(weight=0.5)
    attention = np.array([[[1, 1, 0, 0]], [[0.2, 0.2, 0.2, 0.2]], [[0, 0, 0, 0]]], np.float32)
    lungs = np.array([[[1, 0.3, 0, 0]], [[1, 0.5, 0.1, 0]], [[0, 0, 0, 0]]], np.float32)
    probabilities = np.full((3, 3), 1 / 3, np.float32)

    found = layer([probabilities, attention, lungs])

    np.testing.assert_array_equal(found, probabilities)
    # None; one cell and more than half of another, of four; and no attention at all.
    assert float(layer.losses[0]) == pytest.approx(0.5 * (1 + 0.6) / 4 / 3)


def test_a_mask_moves_as_its_xray_does(samples):
    for number in range(20):
        sample = samples[number % 6]
        pixels = lung_mask(sample)
        moved, box = move(pixels, MOVING, random_of(1, number), fill=0.0)
        lungs = lung_shares(moved, (64, 64), box)
        again, same = move(pixels * 0.7, MOVING, random_of(1, number), fill=0.0)
        seen = crop_and_stretch(again, replace(PREPROCESSING, low=0, high=100), same)

        assert np.abs(lungs - seen).mean() < 0.03
    assert not np.array_equal(lungs, lung_shares(pixels, (64, 64), PREPROCESSING.box))


def test_a_few_masks_teach_where_the_lungs_of_the_others_are(samples, tmp_path, monkeypatch):
    monkeypatch.setattr(training_lungs, "EPOCHS", 60)
    # An eighth of VGG's filters: the same layers, in a tenth of the time.
    narrow = tuple((filters // 8, convolutions) for filters, convolutions in vgg.BLOCKS)
    monkeypatch.setattr(vgg, "BLOCKS", narrow)
    keras.utils.set_random_seed(1)
    network = build(RECIPE.architecture, RECIPE.network_config)
    cache, images = FeatureCache(tmp_path / "cache", frozen_part(network)), Images(samples, RECIPE)
    plain = Copy(cache.plain(images), None)
    moved = Copy(cache.changed(images, 0), 0)

    found = lung_maps(network, [plain, moved], samples, RECIPE)

    assert (found.shape, found.dtype) == ((2, 8, 4, 4), np.float16)
    masks = [sample.lung_mask for sample in samples]
    for number in (6, 7):  # the bright side, of those that have no mask
        drawn = replace(samples[number], lung_mask=masks[number - 2])
        lungs = lung_shares(lung_mask(drawn), (4, 4), PREPROCESSING.box) > 0.5
        assert found[0, number][lungs].mean() > 2 * found[0, number][~lungs].mean()


def test_without_masks_nothing_is_outside(samples, capsys):
    network = build(RECIPE.architecture, RECIPE.network_config)
    unmasked = [replace(sample, lung_mask=None) for sample in samples]
    features = [np.zeros((8, 4, 4, 512), np.float16)]
    assert (lung_maps(network, [Copy(features, None)], unmasked, RECIPE) == 1).all()
    assert "No lung masks" in capsys.readouterr().err


def test_a_network_without_a_map_of_its_own_is_refused(samples):
    network = build("vgg_baseline", {"size": 32})
    with pytest.raises(TrainingError, match="attention of vgg_baseline cannot be taught"):
        lung_maps(network, [], samples, RECIPE)
