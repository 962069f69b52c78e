"""The released finder of lungs on a real chest, and on what has none."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from model.framing.box import Box
from model.framing.lungs import LungFinder, thumbnail


@pytest.fixture(scope="module")
def finder() -> LungFinder:
    return LungFinder()


def overlap(first: Box, second: Box) -> float:
    width = min(first.right, second.right) - max(first.left, second.left)
    height = min(first.bottom, second.bottom) - max(first.top, second.top)
    both = max(0.0, width) * max(0.0, height)
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (first, second)]
    return both / (sum(areas) - both)


def test_lungs_are_found_in_a_chest(finder, chest):
    lungs = finder.find(chest.pixels)

    assert lungs.found
    assert 0.5 < lungs.box.right - lungs.box.left < 1
    assert lungs.box.left < 0.4 < 0.6 < lungs.box.right


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_they_are_the_same_lungs_in_a_padded_film(finder, chest, share):
    height, width = chest.pixels.shape
    y, x = round(share * height), round(share * width)
    padded = finder.find(np.pad(chest.pixels, ((y, 0), (x, x))))
    film = Box(x / (width + 2 * x), y / (height + y), (x + width) / (width + 2 * x), 1.0)

    assert overlap(padded.box.within(film), finder.find(chest.pixels).box) > 0.85


def test_a_wider_film_has_wider_lungs(finder, chest):
    height, width = chest.pixels.shape
    wide = np.asarray(Image.fromarray(chest.pixels).resize((int(1.15 * width), height)))

    assert overlap(finder.find(wide).box, finder.find(chest.pixels).box) > 0.85


def test_half_a_lung_is_found_less_surely(finder, chest):
    height, width = chest.pixels.shape
    corner = np.ascontiguousarray(chest.pixels[height // 2 :, : width // 2])
    assert finder.find(corner).spread > finder.find(chest.pixels).spread


def test_threads_share_it_and_the_film_is_left_alone(finder, chest):
    before = chest.pixels.copy()
    with ThreadPoolExecutor(4) as pool:
        boxes = set(pool.map(lambda _: finder.find(chest.pixels).box, range(12)))

    assert len(boxes) == 1
    np.testing.assert_array_equal(chest.pixels, before)


def test_a_thumbnail_does_not_depend_on_exposure(chest):
    np.testing.assert_allclose(
        thumbnail(chest.pixels), thumbnail(0.3 + 0.4 * chest.pixels), atol=1e-3
    )
