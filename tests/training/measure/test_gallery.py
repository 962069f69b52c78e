"""The gallery shows the first pictures of each kind, whoever they flatter."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from model.errors import ImageTooSmall
from model.framing.box import WHOLE, Box

pytest.importorskip("matplotlib")

from training.measure.gallery import WANTED, Picture, draw, first_of_each

DRAWN = Box(0.25, 0.5, 0.75, 1.0)


class Scripted:
    """A classifier that calls each file what its name says: `uncertain-7.png`, `COVID19-2.png`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def prepare(self, path: Path) -> Path:
        self.asked.append(path.name)
        if path.name.startswith("refused"):
            raise ImageTooSmall("It is too small to be judged by anybody who can see.")
        return path

    def classify(self, paths: list[Path]) -> list[SimpleNamespace]:
        said = paths[0].name.split("-")[0]
        return [
            SimpleNamespace(
                label=said,
                probabilities={said: 0.8},
                uncertain=said == "uncertain",
                uncertain_reasons=("close_call",) if said == "uncertain" else (),
                maps={"attention": np.eye(4)},
                box=WHOLE,
            )
        ]


@pytest.fixture
def pictures(tmp_path) -> list[Picture]:
    made = []
    for number in range(6):
        for said in ("COVID19", "NORMAL", "uncertain", "refused"):
            path = tmp_path / f"{said}-{number}.png"
            Image.fromarray(np.full((80, 100), 40 * number, np.uint8)).save(path)
            made.append(Picture(path, "COVID19", [DRAWN]))
    return made


def names(found) -> dict[str, list[str]]:
    return {kind: [one.picture.path.name for one in shown] for kind, shown in found.items()}


def test_the_first_of_each_kind_in_their_order(pictures):
    classifier = Scripted()
    found = first_of_each(classifier, pictures, {"right": 2, "wrong": 1, "refused": 1})
    assert names(found) == {
        "right": ["COVID19-0.png", "COVID19-1.png"],
        "wrong": ["NORMAL-0.png"],
        "refused": ["refused-0.png"],
    }
    assert classifier.asked[-1] == "COVID19-1.png"  # and no more than it takes


def test_as_many_as_there_are(pictures):
    found = first_of_each(Scripted(), pictures[:2], {"right": 2, "uncertain": 2})
    assert names(found) == {"right": ["COVID19-0.png"], "uncertain": []}


def test_each_is_drawn_with_its_boxes_and_beside_what_was_said(pictures):
    figure = draw(first_of_each(Scripted(), pictures, WANTED), "toy-1.0.0")

    said = [axes for axes in figure.axes if axes.get_title()]
    titles = [axes.get_title() for axes in said]
    assert titles.count("right\nlabelled COVID19") == titles.count("called COVID19\n0.80") == 4
    assert titles.count("wrong\nlabelled COVID19") == titles.count("called NORMAL\n0.80") == 4
    assert titles.count("called uncertain\n0.80 (close_call)") == 2
    assert titles.count("refused\nlabelled COVID19") == 2
    box = said[0].patches[0]
    assert (box.get_xy(), box.get_width(), box.get_height()) == ((25, 40), 50, 40)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert texts == ["It is too small to be judged\nby anybody who can see."] * 2
