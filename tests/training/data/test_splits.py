"""Whole patients are moved between the splits, and none is in two of them."""

from collections import Counter
from pathlib import Path

import pytest

from tests.support.toys import LABELS
from training.data.samples import Sample
from training.data.splits import leave_out, not_judged, of_split, with_validation
from training.errors import InvalidManifest


def sample(name: str, split: str, patient: str, source: str = "here") -> Sample:
    return Sample(Path(name), "NORMAL", split, patient, source)


def test_a_share_of_the_training_patients_becomes_val():
    samples = [
        Sample(Path(f"{label}{n}.png"), label, "train", f"{label}{n // 2}", "s")
        for label in LABELS
        for n in range(30)
    ]
    split = with_validation(samples, 0.2)

    assert Counter(s.label for s in of_split(split, "val")) == dict.fromkeys(LABELS, 6)
    assert not {s.patient for s in of_split(split, "val")} & {
        s.patient for s in of_split(split, "train")
    }
    assert with_validation(split, 0.5) == split
    assert of_split(with_validation(samples, 0.0), "val") == []


def test_a_source_left_out_is_only_tested_on():
    left = leave_out(
        [
            sample("a.png", "train", "p1"),
            sample("b.png", "val", "p2"),
            sample("c.png", "train", "p1", "there"),  # the same patient in another hospital
            sample("d.png", "train", "p3", "there"),
            sample("e.png", "test", "p4", "there"),
        ],
        "here",
    )

    assert {sample.path.name: sample.split for sample in left} == {
        "a.png": "test",
        "b.png": "test",
        "d.png": "train",
        "e.png": "test",
    }


@pytest.mark.parametrize("source", ["nowhere", "here"])
def test_a_source_that_is_unknown_or_the_only_one_cannot_be_left_out(source):
    with pytest.raises(InvalidManifest, match=f"'{source}' cannot be left out.*here"):
        leave_out([sample("a.png", "train", "p1")], source)


def test_patients_who_are_judged():
    known = [sample("1", "train", "a"), sample("2", "val", "b"), sample("3", "test", "c")]
    more = [sample(patient, "train", patient) for patient in "abcd"]
    assert [one.patient for one in not_judged(more, known)] == ["a", "d"]
