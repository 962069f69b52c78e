"""Names in the data become labels, and data sets are told apart."""

from dataclasses import replace
from pathlib import Path

from training.data.samples import Classes, Sample, data_hash


def test_the_longest_label_that_a_name_begins_with():
    four = Classes(("COVID19", "Normal", "Pneumonia, bacterial", "PNEUMONIA_VIRAL"), ("PNEUMONIA",))
    names = ["covid-19", "COVID19", "normal", "PNEUMONIA_BACTERIAL", "pneumonia viral", "NORMALS"]
    assert [four.label_of(name) for name in names] == [
        "COVID19",
        "COVID19",
        "Normal",
        "Pneumonia, bacterial",
        "PNEUMONIA_VIRAL",
        None,
    ]
    assert four.label_of("PNEUMONIA") is None
    assert four.ignores("PNEUMONIA")
    assert four.ignores("pneumonia-fungal")
    assert not four.ignores("PNEUMONIA_VIRAL")


def test_the_hash_tells_data_sets_apart():
    first = Sample(Path("here/a.png"), "NORMAL", "train", "p1", "s")
    second = Sample(Path("here/b.png"), "COVID19", "test", "p2", "s")
    known = data_hash([first, second])
    moved = [replace(sample, path=Path("there") / sample.path.name) for sample in (first, second)]

    assert data_hash(moved) == known
    assert data_hash([first]) != known
    assert data_hash([first, replace(second, label="NORMAL")]) != known


def test_a_name_that_is_not_utf_8_has_a_hash():
    assert len(data_hash([Sample(Path("\udcff.png"), "NORMAL", "train", "p", "s")])) == 64
