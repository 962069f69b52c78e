"""Boxes as maps: where a finding is, that a normal film has none, and what nobody knows."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skimage")

from model.framing.box import WHOLE, Box
from training.data.augment import Augmentation
from training.data.findings import UNKNOWN, finding_map, read_findings
from training.data.samples import Sample
from training.errors import InvalidManifest

ILL = Sample(Path("a.png"), "COVID19", "train", "1", "here")
WELL = Sample(Path("b.png"), "NORMAL", "train", "2", "here")
LOWER_LEFT = Box(0.0, 0.5, 0.5, 1.0)


def test_a_box_fills_its_cells():
    found = finding_map(ILL, [LOWER_LEFT], (300, 200), 4, WHOLE)

    assert found == pytest.approx(np.kron([[0, 0], [1, 0]], np.ones((2, 2))), abs=0.05)


def test_a_normal_film_is_empty_and_an_unread_one_unknown():
    assert (finding_map(WELL, [], (300, 200), 4, WHOLE) == 0).all()
    assert (finding_map(ILL, [], (300, 200), 4, WHOLE) == UNKNOWN).all()


def test_it_moves_with_the_xray():
    mirrored = Augmentation(crop_least=0, crop=0, flip=1.0, rotation=0)

    found = finding_map(ILL, [LOWER_LEFT], (200, 200), 4, WHOLE, mirrored, np.random.default_rng(0))

    assert found == pytest.approx(np.kron([[0, 0], [0, 1]], np.ones((2, 2))), abs=0.05)


def test_what_lies_beyond_the_film_shows_nothing():
    found = finding_map(ILL, [WHOLE], (200, 200), 4, Box(-1.0, 0.0, 1.0, 1.0))
    assert found == pytest.approx(np.kron([[0, 1], [0, 1]], np.ones((2, 2))), abs=0.05)


def test_boxes_are_read_by_image(tmp_path):
    rows = (
        "path,x,y,width,height,finding\na.png,0.1,0.2,0.3,0.4,opacity\na.png,0.9,0,0.3,1,opacity\n"
    )
    (tmp_path / "boxes.csv").write_text(rows)

    found = read_findings(tmp_path)[tmp_path / "a.png"]

    assert [tuple(box) for box in found] == [
        pytest.approx((0.1, 0.2, 0.4, 0.6)),
        pytest.approx((0.9, 0, 1, 1)),
    ]


def test_a_table_that_is_none_is_refused(tmp_path):
    (tmp_path / "boxes.csv").write_text("path,x\na.png,left\n")
    with pytest.raises(InvalidManifest, match="cannot be read as boxes"):
        read_findings(tmp_path)


def test_boxes_as_a_spreadsheet_writes_them_and_as_it_breaks_them(tmp_path):
    file = tmp_path / "boxes.csv"
    file.write_text("\ufeffpath,x,y,width,height\na.png,0.25,0.5,0.25,0.25\n", "utf-8")
    assert read_findings(tmp_path) == {tmp_path / "a.png": [Box(0.25, 0.5, 0.5, 0.75)]}
    file.write_text("path,x,y,width,height\na.png,0.25\n")
    with pytest.raises(InvalidManifest, match=r"boxes\.csv cannot be read"):
        read_findings(tmp_path)
