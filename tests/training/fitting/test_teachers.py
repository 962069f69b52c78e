"""A network that learns from others: what it is taught, and when its teachers are trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from model.networks import NETWORKS  # noqa: E402
from tests.support.toys import CLASSES, SIZE, STRIPES, toy_folders  # noqa: E402
from training.data.manifest import read_folders  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.fitting import fit  # noqa: E402
from training.fitting.batches import FeatureBatches  # noqa: E402
from training.fitting.images import Images, random_of  # noqa: E402
from training.fitting.recipe import Recipe, load_recipe  # noqa: E402
from training.fitting.resuming import write_begun  # noqa: E402
from training.fitting.teachers import Teachers, lessons, together  # noqa: E402

ONE_EPOCH = f"epochs = 1\n{STRIPES}"


@pytest.fixture
def student(tmp_path, narrow, monkeypatch) -> Recipe:
    """A recipe whose teachers are two files; VGG16's weights are random."""
    own = replace(NETWORKS["vgg_attention"], load_imagenet=lambda network: None)
    monkeypatch.setitem(NETWORKS, "vgg_attention", own)
    for seed, name in enumerate(("first", "second")):
        (tmp_path / f"{name}.toml").write_text(f"seed = {seed}\n{ONE_EPOCH}")
    recipe = tmp_path / "student.toml"
    names = [str(tmp_path / f"{name}.toml") for name in ("first", "second")]
    recipe.write_text(f"{ONE_EPOCH}\n[teachers]\nrecipes = {names}\nshare = 0.75\n")
    return replace(load_recipe(str(recipe)), copies=1)


@pytest.fixture
def samples(tmp_path):
    return read_folders(toy_folders(tmp_path / "data", 2), CLASSES)


def test_a_lesson_is_the_sharpened_mean_over_copies_beside_the_label():
    truth = np.array([[1, 0, 0], [0, 0.5, 0.5]], np.float32)
    copies = [
        np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]], np.float16),
        np.array([[0.5, 0.2, 0.3], [0.0, 1.0, 0.0]], np.float16),
    ]
    found = lessons(truth, copies, Teachers(share=0.5, temperature=0.5))
    squares = np.array([0.6, 0.2, 0.2]) ** 2
    np.testing.assert_allclose(found[0], squares / squares.sum() / 2 + [0.5, 0, 0], atol=1e-3)
    np.testing.assert_allclose(found[1], [0, 0.75, 0.25], atol=1e-6)
    assert found.dtype == np.float32


def test_the_labels_alone_are_what_no_share_leaves():
    truth = np.eye(3, dtype=np.float32)
    copies = [np.full((3, 3), 1 / 3)]
    np.testing.assert_array_equal(lessons(truth, copies, Teachers(share=0)), truth)


def test_several_networks_answer_with_their_mean():
    images = keras.Input((2, 2, 3))
    networks = []
    for seed in (0, 1):
        flat = keras.layers.Flatten()(images)
        answer = keras.layers.Dense(
            3, "softmax", kernel_initializer=keras.initializers.RandomNormal(seed=seed)
        )(flat)
        networks.append(keras.Model(images, [answer, flat]))
    shown = np.ones((1, 2, 2, 3), np.float32)
    (found,) = together(networks).predict(shown, verbose=0)
    alone = [network.predict(shown, verbose=0)[0][0] for network in networks]
    np.testing.assert_allclose(found, np.mean(alone, axis=0), rtol=1e-6)
    (one,) = together(networks[1:]).predict(shown, verbose=0)
    np.testing.assert_allclose(one, alone[1], rtol=1e-6)


def test_teachers_are_trained_first_and_once_and_what_they_say_is_taught(
    student, samples, tmp_path, monkeypatch
):
    taught = []

    class Seen(FeatureBatches):
        def __init__(self, copies, truth, *rest) -> None:
            taught.append((len(copies), truth))
            super().__init__(copies, truth, *rest)

    monkeypatch.setattr(fit, "FeatureBatches", Seen)
    run, cache = tmp_path / "run", tmp_path / "cache"
    fit.train(student, samples, run, cache)

    (_, labels), (_, same), (copies, lesson) = taught
    np.testing.assert_array_equal(labels, same)
    assert copies == 2
    np.testing.assert_allclose(lesson.sum(axis=1), 1, rtol=1e-5)
    theirs = (lesson - 0.25 * labels) / 0.75
    assert theirs.min() > 0, "teachers of one epoch are sure of nothing"
    first, second = (
        keras.models.load_model(run / "teachers" / name / "best.keras")
        for name in ("first", "second")
    )
    plain = Images([s for s in samples if s.split == "train"], student)
    changed = [plain.changed(n, random_of(0, n)) for n in range(len(plain))]
    answers = [
        network.predict(np.stack(images), verbose=0)[0]
        for network in (first, second)
        for images in ([plain.plain(n) for n in range(len(plain))], changed)
    ]
    np.testing.assert_allclose(theirs, np.mean(answers, axis=0), atol=2e-3)

    best = [file.stat().st_mtime_ns for file in sorted(run.glob("teachers/*/best.keras"))]
    fit.train(student, samples, run, cache)
    assert len(taught) == 4, "only the student learned again"
    assert best == [file.stat().st_mtime_ns for file in sorted(run.glob("teachers/*/best.keras"))]
    assert len(best) == 2


def test_a_teacher_that_sees_something_else_is_refused_before_anything_is_trained(
    student, samples, tmp_path
):
    second = Path(student.teachers.recipes[1])
    second.write_text(second.read_text().replace(f"size = {SIZE}", "size = 64"))
    with pytest.raises(TrainingError, match=r"cannot learn from .*second.*another `preprocessing`"):
        fit.train(student, samples, tmp_path / "run", tmp_path / "cache")
    assert not (tmp_path / "run" / "teachers").exists()


def test_a_teacher_that_was_begun_with_other_images_is_not_taken(student, samples, tmp_path):
    folder = tmp_path / "run" / "teachers" / "first"
    folder.mkdir(parents=True)
    write_begun(folder, load_recipe(student.teachers.recipes[0]), samples[:3])
    with pytest.raises(TrainingError, match=r"teachers/first cannot be resumed.*other images"):
        fit.train(student, samples, tmp_path / "run", tmp_path / "cache")


@pytest.mark.parametrize(
    ("options", "said"),
    [({"share": 1.5}, "share .* 0 to 1"), ({"temperature": 0.0}, "temperature .* over 0")],
)
def test_a_share_or_a_temperature_that_cannot_be(options, said):
    with pytest.raises(TrainingError, match=said):
        Teachers(**options)
