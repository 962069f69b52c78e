"""What the store gives out: plain, frozen records, never database rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

import numpy as np

from model.scores import GateScore, Triage
from worker.reading_order import suspicion

T = TypeVar("T")
# Refusals by the gate, or by what a file says about itself, that a person may overrule.
WAIVABLE = ("not_a_chest_xray", "lateral", "rotated")
# The name of a job that has none yet.
UNTITLED = "Untitled"


def named_after(first_filename: str, count: int) -> str:
    """The name of a job whose sender gave none: after the first of its files."""
    return f"{first_filename[:160]} and {count - 1} more" if count > 1 else first_filename[:200]


class ImageStatus(StrEnum):
    """Where an image stands. The last four are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobStatus(StrEnum):
    RUNNING = "running"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


class ResultRole(StrEnum):
    """An active result is the image's; a shadow one is kept for comparison and never shown."""

    ACTIVE = "active"
    SHADOW = "shadow"


class Verdict(StrEnum):
    """What a reader says about a result: it is right, another label is, or the film cannot be
    judged."""

    AGREE = "agree"
    OTHER_LABEL = "other_label"
    UNUSABLE = "unusable"


class ReviewState(StrEnum):
    """Of images with a result: read or not by whoever asks, or readers gave different answers."""

    UNREAD = "unread"
    READ = "read"
    DISAGREEMENT = "disagreement"


class SortKind(StrEnum):
    """Orders of a list of images. By name: of the file. By suspicion: `worker.reading_order`."""

    FILE = "file"
    NEWEST = "newest"
    NAME = "name"
    SUSPICION = "suspicion"
    PROBABILITY = "probability"


@dataclass(frozen=True)
class Sort:
    """`label` is the one whose probability orders, the highest first; None for other kinds."""

    kind: SortKind = SortKind.FILE
    label: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.label}" if self.label else self.kind.value


@dataclass(frozen=True)
class ImageFilter:
    """Which images are wanted; what is empty or None asks for nothing.

    The probability of the label `probability_of` is between the two limits, 0..1. `search`: part of
    the file's name, or a patient's identifier or an accession number in full. `reader`: by whom an
    image is read or unread. `known_to`: a reader; images of blind jobs that they have not reviewed
    are left out.
    """

    statuses: tuple[ImageStatus, ...] = ()
    labels: tuple[str, ...] = ()
    uncertain: bool | None = None
    probability_of: str | None = None
    min_probability: float = 0.0
    max_probability: float = 1.0
    search: str | None = None
    jobs: tuple[int, ...] = ()
    images: tuple[int, ...] = ()
    review: ReviewState | None = None
    reader: str | None = None
    known_to: str | None = None

    @property
    def depends_on_results(self) -> bool:
        """Whether what models or other readers said decides which images are wanted."""
        by_readers = self.review is ReviewState.DISAGREEMENT
        by_model = self.labels or self.uncertain is not None or self.probability_of is not None
        return bool(by_model or by_readers)


@dataclass(frozen=True)
class Place:
    """Where an image stands in a list of images: `position` of `total`, from 1, and the ids of the
    images beside it. `position` is None, and nothing is beside it, when it is not in the list.

    `total` is counted up to a limit; at the limit there may be more.
    """

    position: int | None
    total: int
    previous: int | None
    following: int | None


@dataclass(frozen=True)
class Tally:
    """How many images a filter lets through, up to a limit.

    Each of the other counts follows the filter but for its own part of it: `statuses` tells how
    many images there would be for every choice of the status.
    """

    total: int
    statuses: dict[ImageStatus, int]
    labels: dict[str, int]
    uncertain: int


@dataclass(frozen=True)
class ResultCounts:
    """How many results of a job have each label, and how many of all are uncertain."""

    labels: dict[str, int]
    uncertain: int


@dataclass(frozen=True)
class ClinicRecord:
    id: int
    name: str


@dataclass(frozen=True)
class ClinicNumbers:
    """How much a clinic sends, for the operator of the system, and for how many days its files and
    jobs are kept; None: for ever."""

    name: str
    jobs: int
    images: int
    waiting: int
    running: int
    failed: int
    last_upload_at: datetime | None
    keep_files_days: int | None
    keep_jobs_days: int | None


@dataclass(frozen=True)
class WaitingNumbers:
    """Images of a clinic that wait. oldest_at: when the oldest of them was uploaded."""

    clinic: str
    urgent: bool
    images: int
    oldest_at: datetime


@dataclass(frozen=True)
class ReasonNumbers:
    """Images that were rejected or failed for one reason, in how many clinics."""

    status: ImageStatus
    reason: str
    images: int
    clinics: int


@dataclass(frozen=True)
class NewImage:
    """One file of an upload. With a `reason` it is refused already (a broken zip member, say).

    original_name: what its sender called it, where `filename` is a neutral name.
    """

    filename: str
    file_key: str | None
    size_bytes: int
    reason: str | None = None
    message: str | None = None
    original_name: str | None = None


@dataclass(frozen=True)
class Arriving:
    """An upload on its way. `upload` names the folder of its files, and no other upload.

    part_of: the open job that it adds to. max_waiting: images that may wait in its clinic.
    """

    clinic_id: int
    upload: str
    urgent: bool = False
    part_of: int | None = None
    max_waiting: int | None = None


@dataclass(frozen=True)
class Acceptance:
    """What an upload becomes at its end. `open`: more images may come.

    idempotency_key: what its sender calls it; content_sha256: what it contained (64 hex digits).
    """

    name: str = ""
    urgent: bool = False
    open: bool = False
    idempotency_key: str | None = None
    content_sha256: str | None = None
    max_images: int | None = None


@dataclass(frozen=True)
class DeletedJob:
    """A job that is to be removed, and the folder of its files if it has one."""

    id: int
    upload: str | None


@dataclass(frozen=True)
class KnownUpload:
    """What became of the upload with a key: its job (the open one that it added to, for a part)."""

    job: "JobRecord"
    content_sha256: str | None
    is_part: bool


@dataclass(frozen=True)
class Counts:
    total: int
    waiting: int
    running: int
    done: int
    rejected: int
    failed: int
    cancelled: int

    @property
    def finished(self) -> int:
        return self.total - self.waiting - self.running


@dataclass(frozen=True)
class JobRecord:
    """One bulk upload. `revision` grows with every change, so it serves as an ETag.

    open: more images may come. blind: readers see a result only after their review of it.
    readers: how many are to review each image.
    content_sha256: of the upload that began it (64 hex digits).

    started_with: images that had their final status when work (last) began, at `started_at`.
    model: whose workers take its images, None before one began. labels: that model's, in its order.
    waiting_for: what is missing for it to go on, such as `workers`; the store leaves it empty.
    """

    id: int
    clinic_id: int
    name: str
    status: JobStatus
    urgent: bool
    open: bool
    blind: bool
    readers: int
    counts: Counts
    content_sha256: str | None
    revision: int
    started_with: int
    model: str | None
    labels: tuple[str, ...]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    waiting_for: str | None = None

    @property
    def progress(self) -> float:
        """Share of images with a final status, 0..1."""
        if not self.counts.total:
            return 0.0 if self.open else 1.0
        return self.counts.finished / self.counts.total

    @property
    def images_per_second(self) -> float | None:
        """Images classified or refused per second since work (last) began; None if unknown."""
        counts = self.counts
        processed = counts.done + counts.rejected + counts.failed - self.started_with
        if self.started_at is None or processed <= 0:
            return None
        elapsed_s = ((self.finished_at or datetime.now(UTC)) - self.started_at).total_seconds()
        return processed / elapsed_s if elapsed_s > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds to completion at the speed so far; None when nothing is known."""
        if self.status is not JobStatus.RUNNING or not self.images_per_second:
            return None
        return (self.counts.waiting + self.counts.running) / self.images_per_second


@dataclass(frozen=True)
class ResultRecord:
    """What a model says about an image. `probabilities` by label, in the model's order.

    uncertain_reasons: see `model.doubt`; none in older results, even of uncertain ones.
    """

    model: str
    label: str
    probabilities: dict[str, float]
    uncertain: bool
    timings_ms: dict[str, float] | None
    uncertain_reasons: tuple[str, ...] = ()
    triage: Triage | None = None

    @property
    def suspicion(self) -> float:
        """0..1, see `worker.reading_order`."""
        return suspicion(self.probabilities)


@dataclass(frozen=True)
class Waiver:
    """A person had an image classified that the gate had refused for `reason`."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class ImageRecord:
    """One X-ray and its active result. `reason` is a code, `message` the sentence for a human.

    facts: what the file says about the film, as `model.reading.facts.FilmFacts.as_json`.
    patient, accession: identifiers in the file as it is kept.
    deidentified: what was done to its file, as `worker.patient_data.Changes.as_json`.
    picture_key: of the file whose small picture is still there, when the file itself is gone.
    """

    id: int
    job_id: int
    filename: str
    status: ImageStatus
    reason: str | None
    message: str | None
    result: ResultRecord | None
    gate: GateScore | None
    width: int | None
    height: int | None
    size_bytes: int
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    file_key: str | None
    facts: dict[str, Any] | None = None
    patient: str | None = None
    accession: str | None = None
    waiver: Waiver | None = None
    deidentified: dict[str, Any] | None = None
    picture_key: str | None = None


@dataclass(frozen=True)
class MapRecord:
    """grid: (h, w) float16 over the part of the X-ray inside `box`; attention is 0..1, evidence
    signed (`model.evidence`).

    box: left, top, right, bottom as fractions (0..1) of its width and height.
    """

    name: str
    grid: np.ndarray
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class ReviewBox:
    """A mark on the film: its sides as shares (0..1) of width and height, and what it shows."""

    left: float
    top: float
    right: float
    bottom: float
    finding: str = ""


@dataclass(frozen=True)
class NewReview:
    """What a reader says. `label` goes with `other_label`; that of the model means `agree`."""

    verdict: Verdict
    label: str | None = None
    comment: str = ""
    boxes: tuple[ReviewBox, ...] = ()


@dataclass(frozen=True)
class ReviewRecord:
    """One reader's review of an image. `label` is the reader's, also when they agree; None for an
    unusable film. `model`, `model_label`: the result that was judged. `blind`: unseen before."""

    image_id: int
    reader: str
    verdict: Verdict
    label: str | None
    comment: str
    boxes: tuple[ReviewBox, ...]
    model: str
    model_label: str
    blind: bool
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True)
class ReviewProgress:
    """Of a job's images with a result: how many this reader, and how many anybody, has read.

    complete: read by as many readers as the job asks for. disagreed: a reader gave another label
    than the model. readers_disagree: two readers gave different answers.
    """

    total: int
    read: int
    read_by_anybody: int
    complete: int
    disagreed: int
    readers_disagree: int


@dataclass(frozen=True)
class WeekNumbers:
    """What one model said about a clinic's uploads of one week, which begins on the day `week`.

    rejected: images that never got a result. labels: how many results have each. confidence: sum of
    the probabilities of the results' labels. suspicions: how many results have their suspicion
    (`worker.reading_order`) in each tenth, low to high. reviewed, disagreed: images that readers
    reviewed, and those that one of them gave another label.
    """

    week: date
    model: str
    done: int
    rejected: int
    labels: dict[str, int]
    uncertain: int
    confidence: float
    suspicions: tuple[int, ...]
    reviewed: int
    disagreed: int


MAX_KEPT_DAYS = 36_500


@dataclass(frozen=True)
class Retention:
    """Days after the end of a job for which what belongs to it is kept; 0: until the sweeper's next
    round.

    files: uploaded X-rays; None: as long as the job. pictures: small ones of them; None: as long as
    the X-rays. maps: None: as long as the job. jobs: with their results; None: for ever.
    """

    files: int | None = None
    pictures: int | None = None
    maps: int | None = None
    jobs: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when pictures are to go before the X-rays: they would be drawn again
        whenever somebody looks."""
        if self.pictures is not None and (self.files is None or self.pictures < self.files):
            raise ValueError(
                "Pictures are kept at least as long as the X-rays that they are drawn from. "
                f"Received: X-rays {_days(self.files)}, pictures {_days(self.pictures)}."
            )

    @property
    def pictures_outlive_files(self) -> bool:
        return self.pictures is not None and self.pictures > (self.files or 0)

    def as_detail(self) -> dict[str, str | int]:
        """For the audit trail."""
        kinds = asdict(self).items()
        return {f"keep_{kind}_days": "all" if days is None else days for kind, days in kinds}


def _days(days: int | None) -> str:
    return "as long as the job" if days is None else f"{days} days"


@dataclass(frozen=True)
class RetentionRecord:
    """Of one clinic."""

    clinic_id: int
    clinic_name: str
    keeps: Retention


@dataclass(frozen=True)
class Page(Generic[T]):
    items: Sequence[T]
    next_cursor: str | None


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
class WorkerRecord:
    """A worker process. It claims images by its `id`, and classifies them with `model`."""

    id: str
    host: str
    pid: int
    device: str
    model: str
    started_at: datetime


@dataclass(frozen=True)
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
    """What a model said about a claimed image. The first of its maps is the main one."""

    model: str
    label: str
    probabilities: dict[str, float]
    uncertain: bool
    maps: Sequence[MapRecord] = ()
    timings_ms: dict[str, float] | None = None
    role: ResultRole = ResultRole.ACTIVE
    uncertain_reasons: Sequence[str] = ()
    triage: Triage | None = None


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
