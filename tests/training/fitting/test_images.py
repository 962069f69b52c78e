"""Training images: changed anew in each epoch, or kept under a key of all that they are made of."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

keras = pytest.importorskip("keras")

from model.input.standardise import Standardisation  # noqa: E402
from model.networks import build, frozen_part  # noqa: E402
from tests.support.recipes import TINY  # noqa: E402
from tests.support.toys import CLASSES, toy_folders  # noqa: E402
from training.data.manifest import read_folders  # noqa: E402
from training.data.splits import of_split  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.fitting import features  # noqa: E402
from training.fitting.features import FeatureCache  # noqa: E402
from training.fitting.images import Images  # noqa: E402
from training.fitting.recipe import Recipe  # noqa: E402
from training.fitting.statistics import fitted, with_statistics  # noqa: E402


@pytest.fixture
def samples(tmp_path):
    return of_split(read_folders(toy_folders(tmp_path / "data", 2), CLASSES), "train")


def test_an_image_that_cannot_be_read_is_named_before_the_first_epoch(samples):
    images = Images(samples, TINY)
    images.check()
    samples[4].path.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(TrainingError, match=str(samples[4].path)):
        images.check()


def test_the_generator_comes_before_the_standardisation(samples):
    how = Standardisation(rescale=1 / 255)
    recipe = replace(TINY, preprocessing=replace(TINY.preprocessing, standardisation=how))
    found = Images(samples, recipe).changed(0, np.random.default_rng(0))
    levels = Images(samples, TINY).changed(0, np.random.default_rng(0))
    np.testing.assert_allclose(found[..., 0] * 255, levels[..., 0] + 103.939, atol=1e-3)


def test_kept_features_are_of_these_images_weights_and_precision(samples, tmp_path):
    """Whatever changes one of them makes new files; the same again makes none."""
    folder = tmp_path / "cache"
    keras.utils.set_random_seed(0)
    network = build(TINY.architecture, TINY.network_config)

    def files_after(cache: FeatureCache, recipe: Recipe = TINY) -> int:
        cache.plain(Images(samples, recipe))
        cache.changed(Images(samples, recipe), 0)
        return len(list(folder.iterdir()))

    assert files_after(FeatureCache(folder, frozen_part(network))) == 2
    assert files_after(FeatureCache(folder, frozen_part(network))) == 2
    other = build(TINY.architecture, TINY.network_config)
    assert files_after(FeatureCache(folder, frozen_part(other))) == 4
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = build(TINY.architecture, TINY.network_config)
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(network.get_weights())
    assert files_after(FeatureCache(folder, frozen_part(half))) == 6
    more = replace(TINY, generator=replace(TINY.generator, rotation_range=20))
    assert files_after(FeatureCache(folder, frozen_part(network)), more) == 7
    # The same name, another picture.
    Image.new("L", (80, 80), 90).save(samples[0].path)
    assert files_after(FeatureCache(folder, frozen_part(network))) == 9


def test_kept_features_are_of_the_lungs_that_were_found(samples, tmp_path, monkeypatch):
    recipe = replace(TINY, preprocessing=replace(TINY.preprocessing, frame="lungs"))
    frozen = frozen_part(build(TINY.architecture, TINY.network_config))
    cache = FeatureCache(tmp_path / "cache", frozen)
    cache.plain(Images(samples, recipe))
    finder = tmp_path / "lungs.tflite"
    finder.write_bytes(features.MODEL_FILE.read_bytes() + b"\0")  # another one, as far as bytes go
    monkeypatch.setattr(features, "MODEL_FILE", finder)
    cache.plain(Images(samples, recipe))
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_two_runs_that_make_the_same_features_at_once(samples, tmp_path):
    """The second begins, and ends, while the first is half through."""
    frozen = frozen_part(build(TINY.architecture, TINY.network_config))
    first, second = (FeatureCache(tmp_path / "cache", frozen) for _ in range(2))
    expected = np.array(FeatureCache(tmp_path / "alone", frozen).plain(Images(samples, TINY))[0])

    class Interrupted(Images):
        def plain(self, number: int) -> np.ndarray:
            if number == 1:
                second.plain(Images(samples, TINY))
            return super().plain(number)

    np.testing.assert_array_equal(first.plain(Interrupted(samples, TINY))[0], expected)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_statistics_are_fitted_on_the_training_images_and_kept(samples, tmp_path):
    how = Standardisation(rescale=1 / 255, featurewise_std_normalization=True)
    recipe = replace(TINY, preprocessing=replace(TINY.preprocessing, standardisation=how))
    with pytest.raises(TrainingError, match=r"no statistics\.npz in"):
        with_statistics(recipe, tmp_path)
    images = Images(samples, fitted(recipe, samples, tmp_path))
    shown = np.stack([images.plain(number) for number in range(len(samples))])

    assert shown.mean() == pytest.approx(0, abs=1e-4)
    assert shown.std() == pytest.approx(1, abs=1e-4)
    assert with_statistics(recipe, tmp_path).preprocessing.statistics_file.is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fresh": True, "copies": 2}, "one of `fresh` and `copies`"),
        ({"findings": 0.5}, r"`findings`, which does not go with \[generator\]"),
        ({"lungs": 1.0}, r"`lungs`, which does not go with \[generator\]"),
        ({"lungs": 1.0, "fresh": True, "generator": None}, "which does not go with `fresh`"),
        ({"thaw": True}, "trains all layers .* Set `fresh` to true"),
        ({"architecture": "hard_attention"}, "Set `fresh` to true"),
    ],
)
def test_settings_that_exclude_each_other(options, said):
    with pytest.raises(TrainingError, match=said):
        replace(TINY, **options)
