"""The picture of the model card, from made-up answers."""

import io

import numpy as np
import pytest
from PIL import Image

from model.input.preprocess import Preprocessing
from tests.support.toys import CLASSES, LABELS, toy_folders
from training.data.manifest import read_folders
from training.data.samples import Sample
from training.data.splits import of_split
from training.measure.evaluate import Answers

pytest.importorskip("matplotlib")

from training.measure.failures import EXAMPLE, picture


def answers_of(samples: list[Sample]) -> Answers:
    """All of them called COVID19 with 0.8."""
    said = np.tile(np.array([[0.8, 0.1, 0.1]]), (len(samples), 1))
    maps = np.random.default_rng(0).random((len(samples), 9, 9))
    return Answers(samples, said, {"attention": maps}, [Preprocessing().box] * len(samples), LABELS)


def test_the_example_and_a_map_for_every_true_and_called_class(tmp_path):
    example = answers_of([Sample(EXAMPLE, "PNEUMONIA", "test", "RG1", "pydicom-data")])
    tested = answers_of(of_split(read_folders(toy_folders(tmp_path / "stripes"), CLASSES), "test"))
    figure = picture(example, tested)

    shown, means = figure.subfigs
    assert shown.axes[0].get_title() == "RG1, 1990s: called COVID19 0.80"
    assert [axes.get_title() for axes in means.axes] == ["n = 4", "n = 0", "n = 0"] * 3
    assert [len(axes.images) for axes in means.axes] == [1, 0, 0] * 3
    png = io.BytesIO()
    figure.savefig(png, format="png")
    assert Image.open(png).size == (960, 480)
