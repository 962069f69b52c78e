"""Labelled X-rays, and how the names in the data become the labels of a model."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NEGATIONS = {"EXCLUDED", "NEG", "NEGATIVE", "NO", "NON", "NOT", "RULED", "UNLIKELY", "WITHOUT"}


@dataclass(frozen=True)
class Sample:
    """One labelled X-ray. `patient` and `source` are what groups of images have in common.

    label: one of the model's labels. lung_mask: a picture of the same cut of the X-ray, in which
    the lungs are not black. second_reading: what somebody else read on the same film, in the data's
    own words.
    """

    path: Path
    label: str
    split: str
    patient: str
    source: str
    lung_mask: Path | None = None
    second_reading: str = ""


@dataclass(frozen=True)
class Classes:
    """How the names in the data become the labels of a model.

    A name counts as the label that it is or that it begins with: PNEUMONIA_BACTERIAL is a
    PNEUMONIA, unless there is a label PNEUMONIA_BACTERIAL. Case and separators do not matter:
    `covid-19` is COVID19. A name that denies something, as `COVID-19 negative` does, is unknown.

    labels: in the model's order. ignored: names whose images are left out.
    """

    labels: tuple[str, ...]
    ignored: tuple[str, ...] = ()

    def label_of(self, name: str) -> str | None:
        """The label that a name counts as; None for an unknown or ignored one."""
        found = self._longest_match(name)
        return found if found in self.labels else None

    def ignores(self, name: str) -> bool:
        return self._longest_match(name) in self.ignored

    def targets(self, samples: Sequence[Sample]) -> np.ndarray:
        """(N,) int: the index of each sample's label."""
        return np.array([self.labels.index(sample.label) for sample in samples], dtype=int)

    def _longest_match(self, name: str) -> str | None:
        words = re.split(r"[\W_]+", name.upper())
        starts = {"".join(words[:count]): count for count in range(1, len(words) + 1)}
        known = {_letters(label): label for label in (*self.ignored, *self.labels)}
        matching = starts.keys() & known.keys()
        if not matching:
            return None
        longest = max(matching, key=starts.get)
        return known[longest] if NEGATIONS.isdisjoint(words[starts[longest] :]) else None


def data_hash(samples: Sequence[Sample]) -> str:
    """SHA-256 over names, labels and splits: which data a model was made of."""
    digest = hashlib.sha256()
    for sample in samples:
        line = (
            f"{sample.source}/{sample.path.name},{sample.label},{sample.split},{sample.patient}\n"
        )
        digest.update(line.encode(errors="surrogateescape"))  # of a name that is not UTF-8
    return digest.hexdigest()


def content_hash(samples: Sequence[Sample]) -> str:
    """SHA-256 over `data_hash` and the content of the files. OSError when one cannot be read."""
    digest = hashlib.sha256(data_hash(samples).encode())
    for sample in samples:
        digest.update(sample.path.read_bytes())
    return digest.hexdigest()


def _letters(label: str) -> str:
    return re.sub(r"[\W_]+", "", label.upper())
