"""Each option of the generator, on pixels; where Keras still has its own, the same pixels."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from training.data.generator import FILL_MODES, Generator, Move, generated, moved

SIZE = 40
SEEDS = range(30)


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    """(40, 40) float32, 0.2..0.8, different in every corner."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] / np.float32(SIZE - 1)
    picture = (0.2 + 0.4 * rows + 0.1 * columns**2).astype(np.float32)
    picture[5:12, 8:14] = 0.8
    return picture


def alone(grey, seed: int = 0, **options) -> np.ndarray:
    before = grey.copy()
    found = generated(grey, Generator(**options), np.random.default_rng(seed))
    np.testing.assert_array_equal(grey, before)
    assert (found.shape, found.dtype) == (grey.shape, np.float32)
    assert found.min() >= 0
    assert found.max() <= 1
    return found


def test_nothing_is_changed_without_options(grey):
    np.testing.assert_allclose(alone(grey), grey, atol=1e-6)


OPTIONS = {
    "rotation_range": 50.0,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 20.0,
    "zoom_range": 0.3,
    "channel_shift_range": 20.0,
    "horizontal_flip": True,
    "vertical_flip": True,
    "brightness_range": (0.5, 1.5),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_changes_pixels_by_chance_and_the_seed_decides(grey, option):
    options = {option: OPTIONS[option]}
    found = [alone(grey, seed, **options) for seed in SEEDS]
    changed = [np.abs(picture - grey).max() > 0.02 for picture in found]
    assert any(changed)
    assert len({picture.tobytes() for picture in found}) > (1 if "flip" in option else 20)
    np.testing.assert_array_equal(found[3], alone(grey, 3, **options))


def test_flips_are_mirror_images_half_of_the_time(grey):
    for option, mirrored in (("horizontal_flip", grey[:, ::-1]), ("vertical_flip", grey[::-1])):
        found = [alone(grey, seed, **{option: True}) for seed in range(100)]
        flipped = sum(np.allclose(picture, mirrored, atol=1e-6) for picture in found)
        kept = sum(np.allclose(picture, grey, atol=1e-6) for picture in found)
        assert flipped + kept == 100
        assert 30 < flipped < 70


def test_a_shift_goes_outwards_both_ways_and_is_filled(grey):
    """Rows that come in are the colour of `constant`; others are where they were, shifted."""
    tops = []
    for seed in SEEDS:
        found = alone(grey, seed, height_shift_range=0.2, fill_mode="constant", cval=255)
        white = (found > 0.999).all(axis=1)
        tops.append(white[0])
        assert white.sum() <= 0.2 * SIZE + 1
        assert white[0] != white[-1] or not white.any()
    assert 5 < sum(tops) < 25
    across = alone(grey, 1, width_shift_range=5, fill_mode="constant", cval=255)
    assert (across > 0.999).all(axis=0).any()
    assert not (across > 0.999).all(axis=1).any()


@pytest.mark.parametrize("mode", FILL_MODES)
def test_a_shift_by_whole_pixels_in_each_fill_mode(grey, mode):
    found = moved(grey, Move(down=3, right=-4), Generator(fill_mode=mode, cval=0.5))
    np.testing.assert_allclose(found[:-3, 4:], grey[3:, :-4], atol=1e-6)
    np.testing.assert_allclose(found[-1, 20], {
        "constant": 0.5, "nearest": grey[-1, 16], "reflect": grey[-3, 16], "wrap": found[-1, 20],
    }[mode], atol=1e-6)  # fmt: skip


def test_a_quarter_turn_and_a_zoom(grey):
    turned = moved(grey, Move(rotation=90), Generator())
    np.testing.assert_allclose(turned, np.rot90(grey), atol=1e-5)
    twice = moved(grey, Move(zoom_down=0.5, zoom_right=0.5), Generator())
    middle = grey[SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4]
    assert twice.mean() == pytest.approx(middle.mean(), abs=0.01)


def test_a_shear_leaves_the_middle_and_slants_the_edges(grey):
    bar = np.zeros((41, 41), np.float32)
    bar[20] = 1  # a row through the middle
    found = moved(bar, Move(shear=20), Generator(fill_mode="constant"))
    assert found[20].argmax() < 41
    np.testing.assert_allclose(found[20, 20], 1, atol=1e-6)


def test_a_channel_shift_stays_within_the_pictures_own_levels(grey):
    for seed in SEEDS:
        found = alone(grey, seed, channel_shift_range=200.0)
        assert found.min() >= grey.min() - 1e-6
        assert found.max() <= grey.max() + 1e-6
    shift = alone(grey, 2, channel_shift_range=20.0) - grey
    inside = (grey > 0.3) & (grey < 0.7)
    assert np.ptp(shift[inside]) < 1e-5


def test_brightness_is_a_factor(grey):
    found = alone(grey, 4, brightness_range=(0.5, 0.9))
    np.testing.assert_allclose(found / grey, (found / grey)[0, 0], atol=1e-5)
    assert 0.5 <= (found / grey)[0, 0] <= 0.9


@pytest.mark.parametrize("mode", FILL_MODES)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Move(rotation=20), {"theta": 20}),
        (Move(down=-5, right=3), {"tx": 3, "ty": -5}),
        (Move(shear=15), {"shear": 15}),
        (Move(zoom_down=0.8, zoom_right=1.2), {"zx": 1.2, "zy": 0.8}),
        (Move(20, -5, 3, 15, 0.8, 1.2), {
            "theta": 20, "tx": 3, "ty": -5, "shear": 15, "zx": 1.2, "zy": 0.8,
        }),
    ],
)  # fmt: skip
@pytest.mark.slow  # Keras comes with TensorFlow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_moves_are_those_of_keras(grey, mode, ours, theirs):
    """Its legacy module calls x what is the column; otherwise pixel for pixel the same."""
    legacy = pytest.importorskip("keras.src.legacy.preprocessing.image")
    axes = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    levels = grey * 255
    theirs = legacy.apply_affine_transform(
        levels[..., None], **axes, **theirs, fill_mode=mode, cval=7.0
    )
    np.testing.assert_allclose(
        moved(levels, ours, Generator(fill_mode=mode, cval=7.0)), theirs[..., 0], atol=1e-3
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fill_mode": "mirror"}, "'mirror'"),
        ({"brightness_range": [0.5]}, r"\[0.5\]"),
        ({"zoom_range": 1.5}, "1.5"),
    ],
)
def test_what_cannot_be_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        Generator(**wrong)
