"""Data sets: a manifest CSV, or folders named like the classes."""

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np

from model.folders import files_in
from training.errors import InvalidManifest, PatientLeak

SPLITS = ("train", "val", "test")
NEGATIONS = {"EXCLUDED", "NEG", "NEGATIVE", "NO", "NON", "NOT", "RULED", "UNLIKELY", "WITHOUT"}
SUFFIXES = {".png", ".jpg", ".jpeg", ".dcm", ".webp", ".tif", ".tiff"}


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


@dataclass(frozen=True)
class Choice:
    """Which of the data a run takes, and how they are split.

    column: the manifest's column that names each image's split. Without a value there, an image is
    for `test` if the column is `split`; any other column chooses its images, the rest are left out.
    ignored: names whose images are left out, beside the recipe's `ignored_labels`.
    validation: share of the training images, 0..1, that becomes `val` where the data have none.
    """

    column: str = "split"
    ignored: tuple[str, ...] = ()
    validation: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation must be in 0..1. Received: {self.validation}")


ALL_DATA = Choice()


def read_manifest(file: Path, classes: Classes, column: str = "split") -> list[Sample]:
    """Samples of a CSV `path,label[,split,patient,source,lung_mask]`, its paths relative to it.

    column: see `Choice`. Without a patient, each image is a patient of its own.
    Raises InvalidManifest, PatientLeak.
    """
    rows = _rows(file)
    columns = [*next(iter(rows.values()), {})]
    if not {"path", "label"} <= {*columns}:
        raise InvalidManifest(
            f"The manifest {file} needs a header with the columns path and label, and rows. "
            f"Received: {', '.join(columns) or 'no rows'}"
        )
    if column != ALL_DATA.column and column not in columns:
        raise InvalidManifest(
            f"The manifest {file} has no column {column!r}, by which this recipe chooses its "
            f"images. It has: {', '.join(columns)}. Add it, or use all data (--all-data)."
        )
    samples = [
        _sample(file, number, row, classes, column)
        for number, row in rows.items()
        if not classes.ignores(row["label"] or "") and (row.get(column) or column == "split")
    ]
    _check_one_label(file, samples)
    check_patients(samples)
    return samples


def read_unsure(folder: Path) -> list[Sample]:
    """Films of `unsure.csv` in the data's folder, whose labels no model has.

    For teaching only (`training.data.truth`): nothing can be right or wrong about them. None when
    there is no such file. Raises InvalidManifest when it cannot be read.
    """
    file = folder / "unsure.csv"
    if not file.is_file():
        return []
    names = ("label", "split", "patient", "source")
    try:
        return [
            Sample(folder / _value(file, number, row, "path"), *(row[name] for name in names))
            for number, row in _rows(file).items()
        ]
    except KeyError as error:
        raise InvalidManifest(f"The manifest {file} has no column {error}.") from error


def read_folders(folder: Path, classes: Classes, unsplit: str = "train") -> list[Sample]:
    """Samples of a folder `class/image` or `split/class/image`, the article's layout.

    Folders below a class's folder are part of it; what is hidden is left out. unsplit: the split of
    images that lie in no folder of one.
    Raises InvalidManifest when an image lies anywhere else, and when there is none.
    """
    samples = []
    for image in sorted(files_in(folder, _cannot_list)):
        if image.suffix.lower() not in SUFFIXES:
            continue
        *above, _ = image.relative_to(folder).parts
        split = above.pop(0) if above and above[0] in SPLITS else unsplit
        name = above[0] if above else ""
        if classes.ignores(name):
            continue
        label = classes.label_of(name)
        if label is None:
            raise InvalidManifest(
                f"{image} lies in no folder of a class: {name or 'the folder above it'!r} is none. "
                f"Expected: {', '.join(classes.labels)}, at the top or in {', '.join(SPLITS)}."
            )
        samples.append(Sample(image, label, split, str(image), folder.name))
    if not samples:
        raise InvalidManifest(
            f"No images in {folder}: expected folders named {', '.join(classes.labels)} with "
            "images."
        )
    return samples


def read_data(path: Path, classes: Classes, choice: Choice = ALL_DATA) -> list[Sample]:
    """A manifest file, a folder with a `manifest.csv`, or folders named like the classes.

    Raises InvalidManifest, PatientLeak.
    """
    return with_validation(_read(path, classes, choice, unsplit="train"), choice.validation)


def read_to_measure(path: Path, classes: Classes) -> list[Sample]:
    """As `read_data`, for a model that learned elsewhere: each image stays in the split that the
    data name, and is for `test` where they name none.
    """
    return _read(path, classes, ALL_DATA, unsplit="test")


def _read(path: Path, classes: Classes, choice: Choice, unsplit: str) -> list[Sample]:
    classes = replace(classes, ignored=(*classes.ignored, *choice.ignored))
    if path.is_file():
        return read_manifest(path, classes, choice.column)
    if (path / "manifest.csv").is_file():
        return read_manifest(path / "manifest.csv", classes, choice.column)
    return read_folders(path, classes, unsplit)


def has_column(path: Path, column: str) -> bool:
    """Whether the data at `path` are split by a manifest that has this column. Raises
    InvalidManifest."""
    file = path / "manifest.csv" if path.is_dir() else path
    return file.is_file() and column in next(iter(_rows(file).values()), {})


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


def _check_one_label(file: Path, samples: Sequence[Sample]) -> None:
    label_of: dict[Path, str] = {}
    for sample in samples:
        first = label_of.setdefault(sample.path, sample.label)
        if first != sample.label:
            raise InvalidManifest(
                f"The manifest {file} calls {sample.path} both {first} and {sample.label}."
            )


def _rows(file: Path) -> dict[int, dict[str, str]]:
    """By the number of its line, as an editor shows it. Raises InvalidManifest."""
    try:
        # Spreadsheets put a mark before the first column's name.
        with file.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened)
            return dict((reader.line_num, row) for row in reader)  # noqa: C402 - the number changes
    except OSError as error:
        raise InvalidManifest(f"The manifest {file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidManifest(
            f"The manifest {file} is not a CSV file in UTF-8. Export it again as `CSV UTF-8`."
        ) from error


def _sample(file: Path, number: int, row: dict[str, str], classes: Classes, column: str) -> Sample:
    path = _value(file, number, row, "path")
    label = classes.label_of(row["label"] or "")
    if label is None:
        raise InvalidManifest(
            f"Row {number} of {file} has the label {row['label']!r}. "
            f"Known: {', '.join(classes.labels)}."
        )
    split = row.get(column) or "test"
    if split not in SPLITS:
        raise InvalidManifest(
            f"Row {number} of {file} has {split!r} in the column {column!r}. "
            f"Known: {', '.join(SPLITS)}."
        )
    return Sample(
        path=file.parent / path,
        label=label,
        split=split,
        patient=row.get("patient") or path,
        source=row.get("source") or "unknown",
        lung_mask=file.parent / row["lung_mask"] if row.get("lung_mask") else None,
        second_reading=row.get("second_reading") or "",
    )


def _value(file: Path, number: int, row: dict[str, str], column: str) -> str:
    if not row[column]:
        raise InvalidManifest(f"Row {number} of {file} has nothing in the column {column!r}.")
    return row[column]


def _cannot_list(error: OSError) -> None:
    raise InvalidManifest(f"{error.filename} cannot be listed: {error.strerror}.") from error


def _letters(label: str) -> str:
    return re.sub(r"[\W_]+", "", label.upper())
