"""Batches that are made anew in each epoch, by one thread or by processes of their own."""

import os
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("skimage")

import keras

from tests.support.recipes import TINY
from tests.support.toys import CLASSES, SIZE, toy_folders
from training.data.augment import Augmentation
from training.data.findings import UNKNOWN
from training.data.manifest import read_folders
from training.data.splits import of_split
from training.fitting import batches
from training.fitting.batches import EpochByEpoch, FeatureBatches, FreshBatches, Inputs, Makers
from training.fitting.findings import Drawn
from training.fitting.images import Images, random_of


@pytest.fixture
def samples(tmp_path):
    return of_split(read_folders(toy_folders(tmp_path / "data", 2), CLASSES), "train")


def fresh(makers: Makers, seed: int | None = 0, batch: int = 3) -> FreshBatches:
    truth = np.eye(6, dtype=np.float32)  # tells the images apart
    return FreshBatches(makers, 0, truth, np.ones(6), batch, seed)


def by_image(made: FreshBatches) -> dict[int, np.ndarray]:
    """One epoch's pictures by the number of their sample."""
    found = {}
    for number in range(len(made)):
        pictures, truth, weights = made[number]
        assert pictures.shape == (3, SIZE, SIZE, 3)
        assert weights.shape == (3,)
        found |= dict(zip(truth.argmax(axis=1), pictures, strict=True))
    return found


def test_every_epoch_shows_each_image_changed_anew(samples):
    with Makers(Inputs(Images(samples, TINY))) as makers:
        made = fresh(makers)
        first = by_image(made)
        made.begin(1)
        second = by_image(made)
        again = by_image(fresh(makers))

    assert first.keys() == second.keys() == set(range(6))
    for number in first:
        assert np.abs(first[number] - second[number]).mean() > 1
        np.testing.assert_array_equal(first[number], again[number])


def shown(batches: FreshBatches | FeatureBatches, epochs: range) -> list[np.ndarray]:
    """What a network learns from in these epochs, batch by batch."""
    found = []

    class Watched(keras.utils.PyDataset):
        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, number: int):
            inputs, truth, weights = batches[number]
            found.append((inputs[0] if isinstance(inputs, tuple) else inputs).copy())
            return np.zeros((len(truth), 1)), np.zeros((len(truth), 1)), weights

    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    network.compile(loss="mse")
    network.fit(
        Watched(),
        initial_epoch=epochs.start,
        epochs=epochs.stop,
        callbacks=[EpochByEpoch(batches)],
        shuffle=False,
        verbose=0,
    )
    # Keras looks at the first batch before the first epoch, to see what batches are like.
    return found[-len(epochs) * len(batches) :]


def features(makers: Makers) -> FeatureBatches:
    """Two copies of six images, whose feature tells the image and the copy."""
    copies = [[np.arange(6.0) + 10 * copy] for copy in range(2)]
    return FeatureBatches(copies, np.eye(6), np.ones(6), 3, seed=0)


@pytest.mark.parametrize("make", [fresh, features])
def test_a_resumed_run_goes_on_with_the_epoch_that_it_was_in(samples, make):
    with Makers(Inputs(Images(samples, TINY))) as makers:
        whole = shown(make(makers), range(3))
        resumed = shown(make(makers), range(2, 3))
    batches = len(resumed)
    assert len(whole) == 3 * batches
    np.testing.assert_array_equal(resumed, whole[-batches:])
    assert not np.array_equal(resumed, whole[:batches])


def test_what_is_judged_is_what_is_served(samples):
    images = Images(samples, TINY)
    with Makers(Inputs(images)) as makers:
        made = fresh(makers, seed=None, batch=4)
        shown = np.concatenate([made[number][0] for number in range(len(made))])
    np.testing.assert_array_equal(shown, np.stack([images.plain(n) for n in range(6)]))


def test_maps_follow_their_images(samples, tmp_path):
    """A box on the left half of every film; half of the changed films are mirrored."""
    rows = [f"{sample.path.relative_to(tmp_path / 'data')},0,0,0.5,1" for sample in samples]
    (tmp_path / "data" / "boxes.csv").write_text("\n".join(["path,x,y,width,height", *rows]))
    mirror = Augmentation(crop_least=0, crop=0, rotation=0, noise=0, jpeg=0, resample=0)
    recipe = replace(TINY, generator=None, augmentation=mirror)
    inputs = Inputs(Images(samples, recipe), Drawn(samples, recipe, 4))
    with Makers(inputs) as makers:
        plain, changed = fresh(makers, None), fresh(makers, batch=6)
        assert (plain[0][0][1] == UNKNOWN).all()
        (_, drawn), truth, _ = changed[0]

    numbers = truth.argmax(axis=1)
    for number, drawing in zip(numbers, drawn, strict=True):
        random = random_of(0, number)
        random.uniform(0, 0, 2), random.uniform(0, 0, 2)  # the sides' shifts come first
        left = drawing[:, 0].mean() > 0.9
        assert left != (random.random() < mirror.flip)
        assert drawing.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core starts no processes")
def test_processes_make_the_same_as_a_thread(samples, monkeypatch):
    inputs = Inputs(Images(samples, TINY))
    with Makers(inputs) as makers:
        assert makers.count == 1
        expected = by_image(fresh(makers))
    monkeypatch.setattr(batches, "FEW", 5)
    with Makers(inputs) as makers:
        assert makers.count > 1
        made = by_image(fresh(makers))
    for number, picture in expected.items():
        np.testing.assert_array_equal(made[number], picture)
