import io

import numpy as np
import pytest
from PIL import Image

from model.drawing.maps import AGAINST, FOR, colour_map, overlay_png

WHOLE = (0.0, 0.0, 1.0, 1.0)
GRID = np.array([[0.0, 0.2], [0.4, 0.9]], np.float32)


def xray(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width), np.uint8))


def opened(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        assert image.format == "PNG"
        return np.asarray(image)


def test_no_opacity_is_the_x_ray():
    picture = xray(300, 200)
    shown = opened(overlay_png(picture, GRID, WHOLE, opacity=0))

    for channel in range(3):
        np.testing.assert_array_equal(shown[..., channel], np.asarray(picture))


def test_the_colours_are_as_strong_as_the_attention():
    picture = xray(300, 200)
    shown = opened(overlay_png(picture, GRID, WHOLE, opacity=1)).astype(float)
    below = np.asarray(picture).astype(float)

    assert tuple(shown[0, 0]) == (below[0, 0],) * 3  # none: the X-ray
    assert tuple(shown[-1, -1]) == tuple(colour_map()[-1])  # most: the colour alone
    tinted = np.abs(shown - below[..., None]).max(axis=2)
    quarters = [part.mean() for part in np.array_split(tinted, 4, axis=1)]
    assert quarters == sorted(quarters)


def test_between_them_it_is_their_mean():
    picture = xray(300, 200)
    below, above = (overlay_png(picture, GRID, WHOLE, opacity=o) for o in (0, 1))
    mean = opened(below) * 0.6 + opened(above) * 0.4
    shown = opened(overlay_png(picture, GRID, WHOLE, opacity=0.4))

    assert np.abs(shown - mean).max() <= 1.5


def test_outside_the_box_the_x_ray_shows():
    picture = xray(400, 200)
    shown = opened(overlay_png(picture, GRID, (0.25, 0.1, 0.75, 0.9), opacity=1))
    grey = np.asarray(picture)

    np.testing.assert_array_equal(shown[:20, :, 0], grey[:20])
    np.testing.assert_array_equal(shown[:, :100, 1], grey[:, :100])
    np.testing.assert_array_equal(shown[:, 300:, 2], grey[:, 300:])
    assert tuple(shown[20, 100]) == (grey[20, 100],) * 3
    assert tuple(shown[179, 299]) == tuple(colour_map()[-1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_grid_is_scaled_by_its_own_range(dtype):
    picture = xray(200, 200)
    faint = overlay_png(picture, (GRID * 0.01 + 0.5).astype(np.float64), WHOLE, opacity=1)
    strong = overlay_png(picture, GRID.astype(dtype), WHOLE, opacity=1)

    difference = np.abs(opened(faint).astype(int) - opened(strong).astype(int))
    assert difference.mean() < 1


def test_a_constant_grid_is_no_attention():
    picture = xray(100, 100)
    shown = opened(overlay_png(picture, np.full((3, 3), 0.7), WHOLE, opacity=1))

    assert (shown == np.asarray(picture)[..., None]).all()


def test_the_colours_grow_brighter_evenly():
    brightness = colour_map() @ np.array([0.2126, 0.7152, 0.0722])

    assert (np.diff(brightness) >= 0).all()
    assert brightness[-1] - brightness[0] > 200


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_a_wrong_opacity_is_an_error(opacity):
    with pytest.raises(ValueError, match="opacity"):
        overlay_png(xray(100, 100), GRID, WHOLE, opacity=opacity)


@pytest.mark.parametrize("grid", [np.zeros(4), np.zeros((0, 3)), np.full((2, 2), np.nan)])
def test_a_wrong_grid_is_an_error(grid):
    with pytest.raises(ValueError, match="grid"):
        overlay_png(xray(100, 100), grid, WHOLE)


@pytest.mark.parametrize("box", [(0, 0, 1.1, 1), (0.5, 0, 0.5, 1), (0.6, 0, 0.4, 1)])
def test_a_wrong_box_is_an_error(box):
    with pytest.raises(ValueError, match="box"):
        overlay_png(xray(100, 100), GRID, box)


def test_a_signed_map_has_a_colour_for_either_sign_and_none_at_zero():
    picture = xray(300, 100)
    signed = np.array([[-0.5, 0.0, 1.0]], np.float16)
    shown = opened(overlay_png(picture, signed, WHOLE, opacity=1, strongest=1.0)).astype(int)
    grey = np.asarray(picture).astype(int)

    assert tuple(shown[50, -1]) == FOR
    np.testing.assert_allclose(shown[50, 0], (grey[50, 0] + np.array(AGAINST)) / 2, atol=10)
    assert np.abs(shown[:, 149] - grey[:, 149, None]).max() <= 3
    weaker = opened(overlay_png(picture, signed, WHOLE, opacity=1, strongest=2.0)).astype(int)
    np.testing.assert_allclose(weaker[50, -1], (grey[50, -1] + np.array(FOR)) / 2, atol=10)
    nothing = overlay_png(picture, np.zeros((2, 2)), WHOLE, opacity=1, strongest=0.0)
    np.testing.assert_array_equal(opened(nothing)[..., 0], grey)
