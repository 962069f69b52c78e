"""What the store gives out: plain, frozen records, never database rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

import numpy as np

T = TypeVar("T")


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


@dataclass(frozen=True)
class ClinicRecord:
    id: int
    name: str


@dataclass(frozen=True)
class NewImage:
    """One file of an upload. With a `reason` it is refused already (a broken zip member, say)."""

    filename: str
    file_key: str | None
    size_bytes: int
    reason: str | None = None
    message: str | None = None


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

    started_with: images that had their final status when work (last) began, at `started_at`.
    """

    id: int
    clinic_id: int
    name: str
    status: JobStatus
    urgent: bool
    counts: Counts
    revision: int
    started_with: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def progress(self) -> float:
        """Share of images with a final status, 0..1."""
        return self.counts.finished / self.counts.total if self.counts.total else 1.0

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
class ImageRecord:
    """One X-ray and its result. `reason` is a code, `message` the sentence for a human."""

    id: int
    job_id: int
    filename: str
    status: ImageStatus
    reason: str | None
    message: str | None
    label: str | None
    probabilities: dict[str, float] | None
    uncertain: bool | None
    model: str | None
    width: int | None
    height: int | None
    size_bytes: int
    attempts: int
    timings_ms: dict[str, float] | None
    created_at: datetime
    finished_at: datetime | None
    file_key: str | None


@dataclass(frozen=True)
class MapRecord:
    """grid: (h, w) float16, 0..1, over the part of the X-ray inside `box`.

    box: left, top, right, bottom as shares (0..1) of its width and height.
    """

    grid: np.ndarray
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Page(Generic[T]):
    items: Sequence[T]
    next_cursor: str | None


@dataclass(frozen=True)
class Claim:
    """An image that a worker holds until its lease ends; `token` proves it when saving."""

    image_id: int
    job_id: int
    clinic_id: int
    file_key: str
    token: str
    attempts: int


@dataclass(frozen=True)
class FinishedImage:
    """A worker's result on one claimed image: classified, rejected or failed."""

    claim: Claim
    status: ImageStatus
    reason: str | None = None
    message: str | None = None
    label: str | None = None
    probabilities: dict[str, float] | None = None
    uncertain: bool | None = None
    attention: MapRecord | None = None
    model: str | None = None
    width: int | None = None
    height: int | None = None
    timings_ms: dict[str, Any] | None = None
