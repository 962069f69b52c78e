"""The gate on real radiographs of pydicom-data, on drawn pictures, and on the training data."""

import csv
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image, ImageDraw

from model.errors import BlankImage, NotAChestXray, Rejection
from model.gate.frontal import check, score
from model.reading.radiograph import Radiograph, decode
from tests.support.pictures import NOT_CHESTS, encoded, png_of

MAX_REFUSED = 0.02  # of the chests of a source
ORIGINALS_REFUSED = 1


def radiograph(pixels: np.ndarray) -> Radiograph:
    return decode(png_of(pixels))


def resized(pixels: np.ndarray, width: float, height: float) -> np.ndarray:
    size = (round(pixels.shape[1] * width), round(pixels.shape[0] * height))
    return np.asarray(Image.fromarray(pixels).resize(size))


def lettered(pixels: np.ndarray) -> np.ndarray:
    image = Image.fromarray((pixels * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for place in ((5, 5), (image.width - 60, 5), (5, image.height - 20)):
        draw.text(place, "AP PORTABLE", fill=255)
    return np.asarray(image, np.float32) / 255


STILL_A_CHEST = {
    "as it is": lambda p: p,
    "negative": lambda p: 1 - p,
    "pale": lambda p: p * 0.08 + 0.4,
    "dark": lambda p: p**3,
    "bright": lambda p: p**0.33,
    "wide": lambda p: resized(p, 1.4, 1),
    "tall": lambda p: resized(p, 1, 1.4),
    "small": lambda p: resized(p, 0.25, 0.25),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "black border": lambda p: np.pad(p, 50),
    "white border": lambda p: np.pad(p, 30, constant_values=1),
    "burned-in text": lettered,
    "grainy": lambda p: p + np.random.default_rng(0).normal(0, 0.04, p.shape),
}


@pytest.mark.parametrize("transfer", ["UNCI", "UNCR", "J2KR", "J2KI"])
def test_a_chest_passes(radiographs, transfer):
    check(decode(radiographs[f"RG1_{transfer}"], at_least=300))


@pytest.mark.parametrize("transfer", ["UNCI", "UNCR", "J2KR", "J2KI"])
def test_a_leg_is_refused(radiographs, transfer):
    with pytest.raises(NotAChestXray, match="Send a frontal chest X-ray"):
        check(decode(radiographs[f"RG3_{transfer}"], at_least=300))


@pytest.mark.parametrize("change", STILL_A_CHEST)
def test_a_chest_passes_however_it_is_exposed_or_framed(chest, change):
    check(radiograph(STILL_A_CHEST[change](chest.pixels)))


@pytest.mark.parametrize("reduced", [1, 2, 3])
@pytest.mark.parametrize("what", NOT_CHESTS)
def test_other_pictures_are_refused(what, reduced):
    with pytest.raises(NotAChestXray):
        check(radiograph(NOT_CHESTS[what]()[::reduced, ::reduced]))


@pytest.mark.parametrize("what", NOT_CHESTS)
def test_so_are_their_negatives(what):
    with pytest.raises(NotAChestXray):
        check(radiograph(1 - NOT_CHESTS[what]()))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((200, 200)),
        np.ones((200, 200)),
        np.full((200, 200), 0.5),
        0.5 + np.random.default_rng(0).normal(0, 0.003, (200, 200)),
    ],
)
def test_a_blank_is_refused_as_blank(pixels):
    with pytest.raises(BlankImage, match="blank"):
        check(radiograph(pixels))


def test_a_colour_picture_is_refused_even_of_a_chest(chest):
    stripes = np.indices(chest.pixels.shape)[1] // 20 % 3
    colours = np.eye(3)[stripes] * 0.5 + 0.5
    picture = Image.fromarray((chest.pixels[..., None] * colours * 255).astype(np.uint8))

    with pytest.raises(NotAChestXray, match="colour"):
        check(decode(encoded(picture)))


def test_a_tinted_film_is_no_colour_picture(chest):
    blue = chest.pixels[..., None] * np.array([0.75, 0.85, 1.0])

    check(decode(encoded(Image.fromarray((blue * 255).astype(np.uint8)))))


def test_a_strip_is_refused(chest):
    with pytest.raises(NotAChestXray, match="long and narrow"):
        check(radiograph(resized(chest.pixels, 3, 1)))


@pytest.mark.parametrize(
    ("turns", "words"), [(1, "lie on its side"), (2, "upside down"), (3, "lie on its side")]
)
def test_a_turned_chest_is_refused_and_told_so(chest, turns, words):
    with pytest.raises(NotAChestXray, match=words):
        check(radiograph(np.ascontiguousarray(np.rot90(chest.pixels, turns))))


def test_pieces_of_a_chest_are_no_chest(chest):
    height, width = chest.pixels.shape
    detail = chest.pixels[height // 3 : height // 3 + 70, width // 4 : width // 4 + 70]
    sheet = np.tile(chest.pixels[::3, ::3], (3, 3))
    for pixels in (detail, sheet):
        with pytest.raises(NotAChestXray):
            check(radiograph(pixels))


def test_the_score_is_repeatable_and_leaves_its_input_alone(chest):
    before = chest.pixels.copy()

    assert score(chest.pixels) == score(chest.pixels) > 0
    np.testing.assert_array_equal(before, chest.pixels)


def test_chests_of_the_training_data_pass(training_data):
    folder = training_data
    with (folder / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    refused, total = defaultdict(int), defaultdict(int)
    for row in rows:
        total[row["source"]] += 1
        refused[row["source"]] += _refuses(decode(folder / row["path"]))

    assert sum(total.values()) > 1000
    for source, n in total.items():
        assert refused[source] <= MAX_REFUSED * n, f"{source}: {refused[source]} of {n}"
    assert sum(refused.values()) <= 0.005 * sum(total.values())


def test_the_originals_pass(training_data):
    folder = training_data / "originals"
    files = [file for file in sorted(folder.iterdir()) if file.suffix != ".csv"]

    assert len(files) == 40
    assert sum(_refuses(decode(file, at_least=300)) for file in files) <= ORIGINALS_REFUSED


def _refuses(picture: Radiograph) -> bool:
    try:
        check(picture)
    except Rejection:
        return True
    return False
