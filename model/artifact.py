"""A saved model: a folder with `metadata.json`, the int8 network for CPUs, the weights for Keras.

The metadata is the truth about the model (labels, input, thresholds, where it came from, how well
it did); the hashes in it bind the files to it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.calibration import Calibration
from model.errors import ArtifactMismatch, ArtifactMissing
from model.input.preprocess import Preprocessing

FORMAT = 1
MIN_LABELS, MAX_LABELS = 2, 10
MAX_LABEL_LENGTH = 64
METADATA = "metadata.json"
WEIGHTS = "weights.npz"
INT8 = "network.int8.tflite"
LUNGS = "lungs.tflite"
STATISTICS = "statistics.npz"
TRAINING_FILMS = "training_films.npz"
RELEASED = Path(__file__).parent / "released"
# The article's network, VGG16 with attention: what the benchmark compares with.
REFERENCE = Path(__file__).parent / "reference"


@dataclass(frozen=True)
class OperatingPoint:
    """well: the label of those who have nothing. threshold: an X-ray is flagged when the
    probability of all other labels together is this or more, 0..1."""

    well: str
    threshold: float


@dataclass(frozen=True)
class Artifact:
    """An artifact whose files are there and unchanged.

    config: the network's constructor arguments.
    labels: the K classes, in the order of the probabilities.
    maps: names of the network's maps, the main one first; none without attention.
    uncertain_below: a result whose highest probability is under this is a close call, 0..1.
    triage: the operating point of a triage; None in artifacts made before there was one.
    calibration: the correction for one hospital, which `load_engine` applies; None as released.
    metadata: all of metadata.json, with metrics and provenance.
    """

    path: Path
    name: str
    number: str
    architecture: str
    config: Mapping[str, Any]
    labels: tuple[str, ...]
    maps: tuple[str, ...]
    preprocessing: Preprocessing
    uncertain_below: float
    triage: OperatingPoint | None
    calibration: Calibration | None
    metadata: Mapping[str, Any]

    @property
    def version(self) -> str:
        """What results are signed with, such as `efficientnet_attention-1.0.0`."""
        return f"{self.name}-{self.number}"

    @property
    def network_config(self) -> dict[str, Any]:
        """All constructor arguments: `config`, and what the labels and the input decide."""
        shape = {"size": self.preprocessing.size, "classes": len(self.labels)}
        return {**self.config, **shape}

    @property
    def weights_file(self) -> Path:
        return self.path / WEIGHTS

    @property
    def int8_file(self) -> Path:
        return self.path / INT8

    @property
    def training_films_file(self) -> Path | None:
        """What `model.doubt.Reference` loads; None in artifacts made before there was one."""
        return self.path / TRAINING_FILMS if TRAINING_FILMS in self.metadata["files"] else None


def load_artifact(path: Path | None = None) -> Artifact:
    """Read and check an artifact; None is the released one.

    Raises ArtifactMissing when the folder or a file is not there, ArtifactMismatch when a file was
    changed or the artifact was made for another version of this program.
    """
    path = Path(path) if path else RELEASED
    try:
        metadata = json.loads((path / METADATA).read_text())
    except FileNotFoundError:
        raise ArtifactMissing(
            f"There is no model in {path}: it has no {METADATA}. "
            "Set CXR_ARTIFACT to a model's folder, or unset it to use the released model."
        ) from None
    except (OSError, ValueError) as error:
        raise ArtifactMismatch(f"{path / METADATA} cannot be read: {error}") from error
    made_for = metadata.get("format") if isinstance(metadata, dict) else None
    if made_for != FORMAT:
        raise ArtifactMismatch(
            f"The model in {path} has format {made_for!r}, this program reads {FORMAT}."
        )
    try:
        return _described(path, metadata)
    except KeyError as error:
        raise ArtifactMismatch(
            f"The model in {path} cannot be used: its {METADATA} has no {error}."
        ) from None
    except (AttributeError, TypeError, ValueError) as error:
        raise ArtifactMismatch(f"The model in {path} cannot be used: {error}") from None


def _described(path: Path, metadata: Mapping[str, Any]) -> Artifact:
    """The artifact that the metadata describe. Raises KeyError, AttributeError, TypeError and
    ValueError for what they lack or have wrong, ArtifactMissing, ArtifactMismatch."""
    labels = checked_labels(metadata["labels"])
    preprocessing = Preprocessing(
        **metadata["preprocessing"], lungs_file=path / LUNGS, statistics_file=path / STATISTICS
    )
    hashes = metadata["files"]
    for name in dict.fromkeys((*needed_files(preprocessing), *hashes)):
        _check_file(path / name, hashes[name])
    return Artifact(
        path=path,
        name=metadata["name"],
        number=metadata["version"],
        architecture=metadata["architecture"],
        config=metadata["config"],
        labels=labels,
        # Artifacts made before maps had names have this one.
        maps=tuple(metadata.get("maps", ["attention"])),
        preprocessing=preprocessing,
        uncertain_below=float(metadata["uncertain_below"]),
        triage=_operating_point(metadata.get("triage"), labels),
        calibration=_calibration(metadata.get("calibration"), labels),
        metadata=metadata,
    )


def checked_labels(labels: Any) -> tuple[str, ...]:
    """Labels as a tuple. Raises ValueError for what cannot be a model's classes."""
    if not (isinstance(labels, list | tuple) and MIN_LABELS <= len(labels) <= MAX_LABELS):
        raise ValueError(f"A model has {MIN_LABELS} to {MAX_LABELS} labels. Received: {labels!r}")
    for label in labels:
        if not (
            isinstance(label, str)
            and 0 < len(label) <= MAX_LABEL_LENGTH
            and label.isprintable()
            and label == label.strip()
        ):
            raise ValueError(
                f"A label is 1 to {MAX_LABEL_LENGTH} printable characters without spaces around "
                f"them. Received: {label!r}"
            )
    if len(set(labels)) < len(labels):
        raise ValueError(f"Labels must differ. Received: {list(labels)}")
    return tuple(labels)


def needed_files(preprocessing: Preprocessing) -> list[str]:
    """Names of the files without which a model with such an input cannot run."""
    files = [INT8, WEIGHTS]
    if preprocessing.frame == "lungs":
        files.append(LUNGS)
    if preprocessing.needs_statistics:
        files.append(STATISTICS)
    return files


def save_metadata(
    path: Path,
    preprocessing: Preprocessing,
    labels: Sequence[str],
    maps: Sequence[str],
    **fields: Any,
) -> None:
    """Write metadata.json beside the artifact's files, with their hashes."""
    files = needed_files(preprocessing)
    if (path / TRAINING_FILMS).is_file():
        files.append(TRAINING_FILMS)
    metadata = {
        "format": FORMAT,
        **fields,
        "labels": list(labels),
        "maps": list(maps),
        "preprocessing_id": preprocessing.id,
        "preprocessing": preprocessing.parameters,
        "files": {name: sha256(path / name) for name in files},
    }
    write_metadata(path, metadata)


def write_metadata(path: Path, metadata: Mapping[str, Any]) -> None:
    """In one step: an interruption leaves the metadata of before."""
    unfinished = path / f".{METADATA}"
    unfinished.write_text(json.dumps(metadata, indent=2) + "\n")
    unfinished.replace(path / METADATA)


def _operating_point(
    triage: Mapping[str, Any] | None, labels: Sequence[str]
) -> OperatingPoint | None:
    if not triage:
        return None
    if triage["well"] not in labels:
        raise ValueError(f"The triage is about a label of its own: {triage['well']!r}.")
    return OperatingPoint(triage["well"], float(triage["threshold"]))


def _calibration(kept: Mapping[str, Any] | None, labels: Sequence[str]) -> Calibration | None:
    return Calibration.from_json(kept, labels) if kept else None


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _check_file(file: Path, expected: str) -> None:
    if not file.is_file():
        raise ArtifactMissing(f"The model in {file.parent} is incomplete: {file.name} is missing.")
    if sha256(file) != expected:
        raise ArtifactMismatch(
            f"{file} is not the file that {METADATA} describes (its SHA-256 differs). "
            "Copy the whole folder again."
        )
