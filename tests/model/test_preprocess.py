"""One preprocessing, pinned: golden pixels, and a list of what it refuses."""

import numpy as np
import pytest

from model.preprocess import IMAGENET_MEAN_BGR, Box, Preprocessing, crop_and_stretch, prepare


def ramp(height: int = 40, width: int = 60) -> np.ndarray:
    """Dark at the left, bright at the right, a little brighter to the bottom; in 0.2..0.7."""
    rows, columns = np.mgrid[0:height, 0:width]
    return (0.2 + 0.4 * columns / width + 0.1 * rows / height).astype(np.float32)


def test_golden_pixels():
    image, box = prepare(ramp(), Preprocessing(size=8))
    assert (image.shape, image.dtype) == ((8, 8, 3), np.float32)
    assert box == Box(0.06, 0.06, 0.94, 0.94)
    blue = image[..., 0] + IMAGENET_MEAN_BGR[0]
    golden = {(0, 0): 0.0, (0, 7): 206.88, (3, 3): 108.6, (4, 5): 176.53, (7, 0): 48.12}
    assert {at: round(float(blue[at]), 2) for at in golden} == golden
    np.testing.assert_allclose(image[..., 1], blue - IMAGENET_MEAN_BGR[1], atol=1e-3)
    np.testing.assert_allclose(image[..., 2], blue - IMAGENET_MEAN_BGR[2], atol=1e-3)


def test_the_input_is_left_alone():
    pixels = ramp()
    prepare(pixels, Preprocessing(size=8))
    np.testing.assert_array_equal(pixels, ramp())


def test_exposure_does_not_matter():
    pale = 0.5 + 0.2 * ramp()
    image, _ = prepare(ramp(), Preprocessing(size=16))
    again, _ = prepare(pale, Preprocessing(size=16))
    np.testing.assert_allclose(again, image, atol=0.05)


def test_what_is_written_on_the_border_does_not_matter():
    marked = ramp(200, 200)
    marked[:8, :40] = 1
    marked[-8:] = 0
    image, _ = prepare(ramp(200, 200), Preprocessing(size=32))
    again, _ = prepare(marked, Preprocessing(size=32))
    np.testing.assert_array_equal(again, image)


def test_another_box_shows_another_part():
    left = crop_and_stretch(ramp(), Preprocessing(size=8, low=0, high=100), Box(0, 0, 0.5, 1))
    assert left.min() == 0
    assert left.max() == 1


def test_a_blank_stays_finite():
    image, _ = prepare(np.full((50, 50), 0.5, np.float32), Preprocessing(size=8))
    assert np.isfinite(image).all()


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (ramp().astype(np.float64), "float64"),
        ((ramp() * 255).astype(np.uint8), "uint8"),
        (ramp()[..., None], r"\(40, 60, 1\)"),
        (ramp() * 255, "0..1"),
        (ramp() - 0.5, "0..1"),
        (np.full((9, 9), np.nan, np.float32), "nan"),
        (np.zeros((1, 9), np.float32), r"\(1, 9\)"),
    ],
)
def test_anything_else_is_refused(pixels, said):
    with pytest.raises(ValueError, match=said):
        prepare(pixels, Preprocessing(size=8))


@pytest.mark.parametrize("wrong", [{"size": 4}, {"border": 0.5}, {"low": 60.0, "high": 40.0}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="Received"):
        Preprocessing(**wrong)


def test_the_id_tells_parameters_apart():
    ids = {Preprocessing(border=border, size=size).id for border in (0, 0.06) for size in (64, 150)}
    assert len(ids) == 4
