"""Which X-rays are for `train`, `val` and `test`: whole patients, and no patient in two of them."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np

from training.data.samples import Sample
from training.errors import InvalidManifest, PatientLeak

SPLITS = ("train", "val", "test")


def with_validation(samples: Sequence[Sample], share: float, seed: int = 0) -> list[Sample]:
    """The samples with a share (0..1) of each class's training images as `val`.

    Unchanged when there is a split `val` already, or no training image. Whole patients move, and at
    least one patient of each class stays. The same seed gives the same split.
    """
    if of_split(samples, "val"):
        return list(samples)
    random = np.random.default_rng(seed)
    moved: set[str] = set()
    trained = of_split(samples, "train")
    for label in sorted({sample.label for sample in trained}):
        images = [sample for sample in trained if sample.label == label]
        patients = sorted({sample.patient for sample in images})
        for number in random.permutation(len(patients))[1:]:
            if sum(sample.patient in moved for sample in images) >= ceil(share * len(images)):
                break
            moved.add(patients[number])
    return [
        replace(sample, split="val")
        if sample.split == "train" and sample.patient in moved
        else sample
        for sample in samples
    ]


def unseen(samples: Sequence[Sample], seen: Sequence[Sample]) -> list[Sample]:
    """The samples whose patients are not among those that a model was trained or chosen on.

    seen: the data of the model's recipe, with its own splits.
    """
    known = {sample.patient for sample in seen if sample.split != "test"}
    return [sample for sample in samples if sample.patient not in known]


def not_judged(samples: Sequence[Sample], judged: Sequence[Sample]) -> list[Sample]:
    """The samples whose patients are not among those of `val` and `test` in `judged`."""
    patients = {sample.patient for sample in judged if sample.split != "train"}
    return [sample for sample in samples if sample.patient not in patients]


def check_patients(samples: Sequence[Sample]) -> None:
    """Raises PatientLeak, naming the patient, when one is in more than one split."""
    split_of: dict[str, str] = {}
    for sample in samples:
        first = split_of.setdefault(sample.patient, sample.split)
        if first != sample.split:
            raise PatientLeak(
                f"Patient {sample.patient!r} is in the splits {first} and {sample.split}: "
                "the model would be tested on patients that it has seen."
            )


def of_split(samples: Sequence[Sample], split: str) -> list[Sample]:
    return [sample for sample in samples if sample.split == split]


def leave_out(samples: Sequence[Sample], source: str) -> list[Sample]:
    """The samples with all images of one source in `test`: a hospital that training never saw.

    Images of the same patients that another source has for training or choosing are left away.
    Raises InvalidManifest when there is no such source, or nothing else.
    """
    known = sorted({sample.source for sample in samples})
    if source not in known or len(known) == 1:
        raise InvalidManifest(
            f"The source {source!r} cannot be left out. The data have: {', '.join(known)}."
        )
    patients = {sample.patient for sample in samples if sample.source == source}
    left = []
    for sample in samples:
        if sample.source == source:
            left.append(replace(sample, split="test"))
        elif sample.split == "test" or sample.patient not in patients:
            left.append(sample)
    return left
