"""Jobs, and files on their way into one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

# The name of a job that has none yet.
UNTITLED = "Untitled"
MAX_FILENAME = 1000  # characters, folders in an archive included


def outer_folder(filename: str) -> str | None:
    """The outermost folder, or the archive, that a file came in."""
    folder, slash, _ = filename.partition("/")
    return folder if slash else None


def named_after(first_filename: str, count: int, folder: str | None = None) -> str:
    """The name of a job whose sender gave none: the folder that all its files came in, else after
    the first of them."""
    if folder:
        return folder[:200]
    return f"{first_filename[:160]} and {count - 1} more" if count > 1 else first_filename[:200]


class JobStatus(StrEnum):
    RUNNING = "running"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


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
    waiting_for: what it is waiting for, such as `workers`; the store leaves it empty.
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
class Pace:
    """How many images of a job were finished in each of several parts of the time that it took,
    all `seconds` long."""

    seconds: float
    counts: tuple[int, ...]
