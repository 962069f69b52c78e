"""Jobs, with how many of their images have each status and label."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field

from web.api.records.record import TIME, NextCursor, Record, RowNumber, rounded
from web.services import services
from web.showing.blind import viewer
from web.showing.labels import label_name
from worker.records.jobs import JobRecord, JobStatus
from worker.records.pages import Page


class Counts(Record):
    """How many images of the job have each status."""

    total: int
    waiting: int
    running: int
    done: int
    rejected: int
    failed: int
    cancelled: int


class Label(Record):
    """One of the answers that a model can give."""

    label: Annotated[str, Field(examples=["COVID19"])]
    name: Annotated[str, Field(examples=["COVID-19"])]
    """For people."""
    count: int = 0
    """How many results of the job have it."""


def named(labels: Iterable[str]) -> list[Label]:
    return [Label(label=label, name=label_name(label)) for label in labels]


class Job(Record):
    """One bulk upload."""

    id: Annotated[RowNumber, Field(examples=[7])]
    name: Annotated[str, Field(examples=["Monday morning"])]
    status: JobStatus
    urgent: bool
    open: bool
    """More images may be added, so it is not complete."""
    blind: bool
    """Readers see a result after their own review of it."""
    readers: int
    """How many are to review each image. With 2, neither sees the other's review before both are
    given."""
    counts: Counts
    progress: Annotated[float, Field(ge=0, le=1), rounded(4)]
    """Share of images with a final status."""
    images_per_second: Annotated[float | None, rounded(2)]
    seconds_left: Annotated[float | None, rounded(1)]
    """Estimate; null when unknown."""
    model: str | None
    """Name and version of the one model that classifies its images; null until work begins."""
    labels: Annotated[list[Label], BeforeValidator(named)]
    """The labels of its results, in the model's order; empty before the first image."""
    uncertain: int = 0
    """How many of its results are uncertain."""
    read_by_you: int = 0
    """How many of its results whoever asks has reviewed."""
    waiting_for: Literal["workers", "model"] | None
    """`workers`: none is up. `model`: none of those that are up has the `model` that began the job;
    it goes on when one comes, or after `POST /jobs/{id}/resume` with theirs. Null while it goes on.
    """
    content_sha256: str | None
    """Of the upload: SHA-256 of the lines that `sha256sum` prints for its files, in order."""
    created_at: Annotated[datetime, TIME]
    started_at: Annotated[datetime | None, TIME]
    finished_at: Annotated[datetime | None, TIME]

    @classmethod
    def of(cls, source: JobRecord) -> Self:
        return counted([super().of(services().readiness.told(source))], [source])[0]


def counted(jobs: list[Job], sources: Sequence[JobRecord]) -> list[Job]:
    """With how many results have each label, and how many whoever asks has reviewed."""
    found, read = viewer().result_counts(sources), viewer().read_by_them(sources)
    for job in jobs:
        counts = found[job.id]
        job.read_by_you = read.get(job.id, 0)
        job.uncertain = counts.uncertain
        for label in job.labels:
            label.count = counts.labels.get(label.label, 0)
    return jobs


class JobPage(Record):
    items: list[Job]
    next_cursor: NextCursor

    @classmethod
    def of(cls, source: Page[JobRecord]) -> Self:
        told = [services().readiness.told(job) for job in source.items]
        page = super().of(replace(source, items=told))
        counted(page.items, source.items)
        return page
