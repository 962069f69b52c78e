"""Data sets: a manifest CSV, or folders named like the classes."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from model.folders import files_in
from training.data.samples import Classes, Sample
from training.data.splits import SPLITS, check_patients, with_validation
from training.errors import InvalidManifest

SUFFIXES = {".png", ".jpg", ".jpeg", ".dcm", ".webp", ".tif", ".tiff"}


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
