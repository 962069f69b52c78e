"""Clinics and their jobs."""

from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, String, false, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from worker.records.jobs import JobStatus
from worker.store.schema.columns import Base, BigKey, by_value, partial_index


class Clinic(Base):
    """A tenant: its tokens see its own jobs only.

    `turn` grows with every batch taken while other clinics wait too: the lowest is next.
    `urgent_streak` counts the urgent batches since its last routine one.
    """

    __tablename__ = "clinics"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    turn: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    urgent_streak: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime]


class Job(Base):
    """One bulk upload, with its counters: a poll reads this one row, however many images.

    `upload` names the folder of its files, `idempotency_key` what its sender called the upload,
    `content_sha256` what was in it. `started_with` is how many images had their result when work on
    it (last) began. `model` is the only one whose workers take its images, once one has begun;
    `labels` are that model's, in its order.

    `accepted_at` is empty while one request still sends its images: nobody sees the job yet, but
    workers take its images, and `touched_at` is its sign of life. `part_of`: not a job, but what
    one request adds to that open job; its images move there once it is accepted. `open`: more
    images may be added, the last at `touched_at`.
    `blind`: readers see a result only after their review of it. `readers`: how many are to review
    each image; with two, neither sees the other's review before both are given.
    `files_gone_at`, `pictures_gone_at`, `maps_gone_at`: when its time of them was over.
    `deleted_at`: it is gone for everybody, and its rows are deleted in chunks.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_of_clinic", "clinic_id", "id"),
        Index("jobs_by_idempotency_key", "clinic_id", "idempotency_key", unique=True),
        Index("jobs_by_upload", "upload", unique=True),
        Index("jobs_by_open_job", "part_of"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    name: Mapped[str] = mapped_column(String(200))
    upload: Mapped[str | None] = mapped_column(String(32))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    content_sha256: Mapped[str | None] = mapped_column(String(64))
    urgent: Mapped[bool]
    part_of: Mapped[int | None] = mapped_column(BigKey)
    open: Mapped[bool] = mapped_column(default=False, server_default=false())
    blind: Mapped[bool] = mapped_column(default=False, server_default=false())
    readers: Mapped[int] = mapped_column(default=1, server_default="1")
    status: Mapped[JobStatus] = mapped_column(by_value(JobStatus))
    total: Mapped[int]
    waiting: Mapped[int]
    running: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    cancelled: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=1)
    started_with: Mapped[int] = mapped_column(default=0, server_default="0")
    model: Mapped[str | None] = mapped_column(String(80))
    labels: Mapped[list[str] | None]
    created_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    touched_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    files_gone_at: Mapped[datetime | None]
    pictures_gone_at: Mapped[datetime | None]
    maps_gone_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


# In the SQL text, for the partial index.
HAS_WAITING: ColumnElement[bool] = Job.__table__.c.waiting > literal_column("0")
partial_index("jobs_to_claim", HAS_WAITING, Job.clinic_id, Job.urgent, Job.id)
partial_index("jobs_arriving", Job.accepted_at.is_(None), Job.touched_at)
partial_index("jobs_open", Job.open.is_(True), Job.touched_at)
partial_index("jobs_deleted", Job.deleted_at.is_not(None), Job.id)
