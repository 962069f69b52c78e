"""One preprocessing, pinned: golden pixels, and a list of what it refuses."""

from types import SimpleNamespace

import numpy as np
import pytest

from model.framing.box import Box
from model.framing.lungs import Lungs
from model.input import preprocess
from model.input.preprocess import IMAGENET_MEAN_BGR, Preprocessing, crop_and_stretch, prepare


def ramp(height: int = 40, width: int = 60) -> np.ndarray:
    """Dark at the left, bright at the right, a little brighter to the bottom; in 0.2..0.7."""
    rows, columns = np.mgrid[0:height, 0:width]
    return (0.2 + 0.4 * columns / width + 0.1 * rows / height).astype(np.float32)


def test_golden_pixels():
    image, box, lungs_found = prepare(ramp(), Preprocessing(size=8))
    assert (image.shape, image.dtype) == ((8, 8, 3), np.float32)
    assert box == Box(0.06, 0.06, 0.94, 0.94)
    assert lungs_found
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
    image, *_ = prepare(ramp(), Preprocessing(size=16))
    again, *_ = prepare(pale, Preprocessing(size=16))
    np.testing.assert_allclose(again, image, atol=0.05)


def test_what_is_written_on_the_border_does_not_matter():
    marked = ramp(200, 200)
    marked[:8, :40] = 1
    marked[-8:] = 0
    image, *_ = prepare(ramp(200, 200), Preprocessing(size=32))
    again, *_ = prepare(marked, Preprocessing(size=32))
    np.testing.assert_array_equal(again, image)


def test_another_box_shows_another_part():
    left = crop_and_stretch(ramp(), Preprocessing(size=8, low=0, high=100), Box(0, 0, 0.5, 1))
    assert left.min() == 0
    assert left.max() == 1


def test_a_blank_stays_finite():
    image, *_ = prepare(np.full((50, 50), 0.5, np.float32), Preprocessing(size=8))
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


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 4},
        {"border": 0.5},
        {"low": 60.0, "high": 40.0},
        {"frame": "ribs"},
        {"frame": "lungs", "margin": -0.1},
    ],
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="Received"):
        Preprocessing(**wrong)


LUNGS = Preprocessing(size=32, frame="lungs", margin=0.1, low=0, high=100)


@pytest.fixture
def lungs_at(monkeypatch):
    """Says where the lungs are, without looking."""

    def put(box: Box, found: bool = True) -> None:
        finder = SimpleNamespace(find=lambda pixels: Lungs(box, 0.01, found))
        monkeypatch.setattr(preprocess, "finder_of", lambda file: finder)

    return put


def test_the_frame_is_a_square_of_pixels_around_the_lungs(lungs_at):
    lungs_at(Box(0.25, 0.4, 0.75, 0.6))
    _, box, lungs_found = prepare(ramp(100, 200), LUNGS)

    # 100 pixels wide and 20 high; with the margin 120 each way.
    assert lungs_found
    assert box == pytest.approx((0.2, -0.1, 0.8, 1.1))


def test_the_same_lungs_look_the_same_in_a_padded_film(lungs_at):
    film = ramp(100, 200)
    box = Box(0.3, 0.2, 0.6, 0.8)
    padded = np.pad(film, ((50, 0), (0, 100)))
    moved = Box(0.3 * 200 / 300, (20 + 50) / 150, 0.6 * 200 / 300, (80 + 50) / 150)
    lungs_at(box)
    one = prepare(film, LUNGS).image
    lungs_at(moved)
    other = prepare(padded, LUNGS).image

    np.testing.assert_allclose(one, other, atol=0.5)


def test_without_lungs_the_whole_film_is_shown_unsquashed_and_it_says_so(lungs_at):
    lungs_at(Box(0.4, 0.4, 0.5, 0.5), found=False)
    image, box, lungs_found = prepare(ramp(100, 200), LUNGS)

    assert not lungs_found
    assert box == pytest.approx((0, -0.5, 1, 1.5))
    grey = image[..., 0] + IMAGENET_MEAN_BGR[0]
    assert grey[:8].max() == grey[-8:].max() == 0
    assert grey[8:-8].max() == pytest.approx(255)


def test_the_id_tells_parameters_apart():
    ids = {Preprocessing(border=border, size=size).id for border in (0, 0.06) for size in (64, 150)}
    ids |= {Preprocessing(frame="lungs", margin=margin).id for margin in (0, 0.1)}
    assert len(ids) == 6
