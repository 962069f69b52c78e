"""What passes between the store and a worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from model.scores import GateScore, Triage
from worker.records.images import ImageStatus, MapRecord, ResultRole


@dataclass(frozen=True)
class Claim:
    """An image that a worker holds until its lease ends; `token` proves it when saving.

    waived: a person wants its result whatever the gate says. cleaned: its clinic's profile changes
    files.
    """

    image_id: int
    job_id: int
    clinic_id: int
    file_key: str
    token: str
    attempts: int
    waived: bool = False
    cleaned: bool = False


@dataclass(frozen=True)
class ShadowClaim:
    """An image that has its result, and that the shadow model is to classify. file_key: None when
    the file is no longer kept."""

    image_id: int
    clinic_id: int
    file_key: str | None


@dataclass(frozen=True)
class WorkerRecord:
    """A worker process. It claims images by its `id`, and classifies them with `model`. role: of
    its results; the shadow model's process makes shadow ones."""

    id: str
    host: str
    pid: int
    device: str
    model: str
    started_at: datetime
    role: ResultRole = ResultRole.ACTIVE


@dataclass(frozen=True, kw_only=True)
class WorkerNumbers(WorkerRecord):
    """A worker process as its signs of life tell. is_up: seen lately, or busy.

    processed: images since it started. images_per_second: in the last minute; None: not yet known.
    """

    seen_at: datetime
    processed: int
    images_per_second: float | None
    is_up: bool


@dataclass(frozen=True)
class NewResult:
    """What a model said about an image. The first of its maps is the main one.

    film: by name, what `model.classifier.Result` says of the X-ray.
    """

    model: str
    label: str
    probabilities: dict[str, float]
    uncertain: bool
    maps: Sequence[MapRecord] = ()
    timings_ms: dict[str, float] | None = None
    uncertain_reasons: Sequence[str] = ()
    triage: Triage | None = None
    film: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class FinishedImage:
    """What a worker made of one claimed image: classified, rejected or failed.

    deidentified: as in `ImageRecord`. keeps_file: False when its file is not to stay.
    """

    claim: Claim
    status: ImageStatus
    reason: str | None = None
    message: str | None = None
    width: int | None = None
    height: int | None = None
    gate: GateScore | None = None
    result: NewResult | None = None
    facts: dict[str, Any] | None = None
    patient: str | None = None
    accession: str | None = None
    deidentified: dict[str, Any] | None = None
    keeps_file: bool = True
