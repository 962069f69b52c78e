"""Text drawn onto a real chest X-ray is found and hidden; what is not text is left alone."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from model.framing.box import Box
from model.reading.burned_in import text_boxes, without_text
from model.reading.radiograph import Radiograph, decode

PLACES = {"upper left": (0.03, 0.02), "upper right": (0.62, 0.02), "lower left": (0.03, 0.9)}


@pytest.fixture(scope="module")
def film(radiographs) -> np.ndarray:
    """As large as a worker decodes it."""
    return decode(radiographs["RG1_UNCR"], at_least=384).pixels


def drawn(film: np.ndarray, words: str, place: tuple[float, float], size: int) -> np.ndarray:
    picture = Image.fromarray(film.copy())
    left, top = place[0] * film.shape[1], place[1] * film.shape[0]
    drawing, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    drawing.rectangle(drawing.textbbox((left, top), words, font=font), fill=0.0)
    drawing.text((left, top), words, font=font, fill=1.0)
    return np.asarray(picture)


def test_a_film_without_text_has_none(film):
    assert text_boxes(film) == ()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", [8, 12, 18])
def test_a_name_is_found_and_wholly_hidden(film, place, size):
    words = "DOE^JANE 4711 *03.05.1961"
    named = drawn(film, words, PLACES[place], size)
    boxes = text_boxes(named)
    assert boxes
    assert all(0 <= edge <= 1 for box in boxes for edge in box)
    hidden = without_text(Radiograph(named, *named.shape[::-1], 0.0, "PNG"), boxes).pixels
    letters = (named != film) & (named > 0.5)
    assert letters.sum() > 50
    assert hidden[letters].max() == 0
    assert (hidden != named).mean() < 0.1, "the rest of the film stays"


@pytest.mark.parametrize("letter", "LRD")
def test_a_side_marker_is_not_text(film, letter):
    assert text_boxes(drawn(film, letter, (0.85, 0.05), 28)) == ()


@pytest.mark.parametrize("size", [18, 20])
def test_a_side_marker_in_a_circle_is_not_text(film, size):
    picture = Image.fromarray(film.copy())
    drawing, middle = ImageDraw.Draw(picture), (400, 40)
    circle = [side + sign * 0.7 * size for sign in (-1, 1) for side in middle]
    drawing.ellipse(circle, outline=1.0, width=2)
    drawing.text(middle, "M", font=ImageFont.load_default(size), fill=1.0, anchor="mm")
    assert text_boxes(np.asarray(picture)) == ()


def test_black_on_white_is_found_as_well(film):
    negative = 1 - drawn(1 - film, "DOE^JANE 4711", PLACES["upper left"], 14)
    assert text_boxes(negative)


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (900, 20), (3, 33), (64, 64)])
def test_pictures_of_any_shape_are_looked_at(shape):
    grain = np.random.default_rng(0).random(shape, dtype=np.float32)
    for box in text_boxes(grain):
        assert box == box.inside


def test_what_was_given_is_left_alone(film):
    before = film.copy()
    radiograph = Radiograph(film, *film.shape[::-1], 0.0, "PNG")
    assert without_text(radiograph, ()) is radiograph
    shown = without_text(radiograph, [Box(0.25, 0.25, 0.5, 0.5)]).pixels
    assert (film == before).all()
    height, width = film.shape
    assert shown[int(0.3 * height), int(0.3 * width)] == 0
    assert (shown[: int(0.24 * height)] == film[: int(0.24 * height)]).all()


def test_words_of_a_line_share_a_box_and_lines_far_from_each_other_do_not():
    blank = np.zeros((500, 600), np.float32)
    near = drawn(blank, "JANE DOE 1961  WARD 4711", (0.1, 0.1), 14)
    assert len(text_boxes(near)) == 1
    (upper, lower) = text_boxes(drawn(near, "DOE^JANE 1961", (0.6, 0.8), 14))
    assert upper.bottom < lower.top
    assert upper.right < lower.right
