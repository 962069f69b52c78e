"""The SQL tables. Every row carries the id of its clinic, and every query asks for it."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    Integer,
    String,
    bindparam,
    false,
    literal_column,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from worker.reading_order import WITHOUT_RESULT
from worker.records.images import ImageStatus, ResultRole
from worker.records.jobs import MAX_FILENAME, JobStatus
from worker.records.reviews import Verdict

# SQLite only numbers rows by itself when the key is spelt INTEGER.
BigKey = BigInteger().with_variant(Integer, "sqlite")
# And only with this it never gives the number of a deleted row to another. Rows that a clinic sees
# get theirs from `worker.store.numbers`.
USED_ONCE = {"sqlite_autoincrement": True}


class UtcDateTime(TypeDecorator):
    """A point in time: aware UTC in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"Times must carry a time zone. Received: {value!r}")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def by_value(kind: type) -> Enum:
    """A column of an enumeration."""
    # Stored as the text that the API shows, so that a query by hand reads well.
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    type_annotation_map = {
        datetime: UtcDateTime,
        # Text, so that the order of its keys stays; and no JSON null where SQL has one.
        dict[str, float]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
        dict[str, Any]: JSON(none_as_null=True),
        list[dict[str, Any]]: JSON(none_as_null=True),
    }


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

    `accepted_at` is empty while one request still sends its images: nobody is shown it, its images
    are worked on, and `touched_at` is its sign of life. `part_of`: not a job, but what one request
    adds to that open job; its images move there once it is accepted. `open`: more images may come,
    by intent, the last of them at `touched_at`.
    `blind`: readers see a result only after their review of it. `readers`: how many are to review
    each image; with two, neither sees the other's review before both are given.
    `files_gone_at`, `pictures_gone_at`, `maps_gone_at`: when its time of them was over.
    `deleted_at`: it is gone for everybody, and its rows go bit by bit.
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


def _partial_index_of_jobs(name: str, where: ColumnElement[bool], *columns: Any) -> None:
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


# In the SQL text, for the partial index.
HAS_WAITING: ColumnElement[bool] = Job.__table__.c.waiting > literal_column("0")
_partial_index_of_jobs("jobs_to_claim", HAS_WAITING, Job.clinic_id, Job.urgent, Job.id)
_partial_index_of_jobs("jobs_arriving", Job.accepted_at.is_(None), Job.touched_at)
_partial_index_of_jobs("jobs_open", Job.open.is_(True), Job.touched_at)
_partial_index_of_jobs("jobs_deleted", Job.deleted_at.is_not(None), Job.id)


# What lists of a whole clinic are filtered by: see `worker.store.images.facets`.
FACET = ("clinic_id", "status", "label", "uncertain")


class Image(Base):
    """One X-ray of a job: the state of the work on it.

    While a worker holds it, `lease_token` proves which, `lease_holder` is that worker's id, and
    `lease_s` how long its lease lasts each time. `reading_rank` is that of its active result
    (`worker.reading_order`), `label` and `uncertain` are what it says: kept here, so that one index
    orders and filters images with and without a result (empty label, not uncertain).
    `picture_key` is the `file_key` that it had, where the small picture outlives the file.
    `facts` are `model.reading.facts.FilmFacts`. `patient` and `accession` are identifiers in the
    file as it is kept: pseudonyms where the clinic keeps those. `deidentified` is what was done to
    the file, as `worker.patient_data.Changes`; null where nothing was. `waived_reason` is why the
    gate refused the image before a person had it classified anyway.

    Triggers keep an index of the names' trigrams besides (migration 0031): a migration that makes
    this table anew has to make them again.
    """

    __tablename__ = "images"
    __table_args__ = (
        Index("images_of_job", "job_id", "id"),
        Index("images_of_job_by_status", "job_id", "status", "id"),
        Index("images_of_job_by_rank", "job_id", "reading_rank", "id"),
        Index("images_of_clinic", "clinic_id", "id"),
        Index("images_of_clinic_by_rank", "clinic_id", "reading_rank", "id"),
        Index("images_of_clinic_by_name", "clinic_id", "filename", "id"),
        Index("images_of_clinic_by_facet", *FACET, "id"),
        Index("images_of_clinic_by_facet_and_rank", *FACET, "reading_rank", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    filename: Mapped[str] = mapped_column(String(MAX_FILENAME))
    file_key: Mapped[str | None] = mapped_column(String(80))
    picture_key: Mapped[str | None] = mapped_column(String(80))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[ImageStatus] = mapped_column(by_value(ImageStatus))
    reason: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str | None] = mapped_column(String(500))
    width: Mapped[int | None]
    height: Mapped[int | None]
    gate_version: Mapped[str | None] = mapped_column(String(80))
    gate_score: Mapped[float | None]
    reading_rank: Mapped[float] = mapped_column(
        default=WITHOUT_RESULT, server_default=str(WITHOUT_RESULT)
    )
    label: Mapped[str] = mapped_column(String(80), default="", server_default="")
    uncertain: Mapped[bool] = mapped_column(default=False, server_default=false())
    facts: Mapped[dict[str, Any] | None]
    patient: Mapped[str | None] = mapped_column(String(64))
    accession: Mapped[str | None] = mapped_column(String(16))
    deidentified: Mapped[dict[str, Any] | None]
    waived_reason: Mapped[str | None] = mapped_column(String(40))
    waived_by: Mapped[str | None] = mapped_column(String(200))
    waived_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]
    lease_s: Mapped[float | None]
    lease_holder: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


# What a row says about its worker when there is none.
NOT_HELD = {"lease_token": None, "lease_until": None, "lease_s": None, "lease_holder": None}


def status_is(status: ImageStatus) -> ColumnElement[bool]:
    """`images.status = 'waiting'` and so on, written into the SQL text.

    A planner uses a partial index only when it sees the literal, not a bound parameter.
    """
    value = bindparam(None, status, type_=Image.status.type, literal_execute=True)
    return Image.status == value


def _partial_index(name: str, status: ImageStatus, *columns: Any) -> None:
    # Stays as small as the work in hand, whatever the history behind it.
    where = status_is(status)
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


HAS_PATIENT: ColumnElement[bool] = Image.__table__.c.patient.is_not(None)
Index(
    "images_of_patient",
    *(Image.clinic_id, Image.patient, Image.id),
    sqlite_where=HAS_PATIENT,
    postgresql_where=HAS_PATIENT,
)
HAS_ACCESSION: ColumnElement[bool] = Image.__table__.c.accession.is_not(None)
Index(
    "images_of_accession",
    *(Image.clinic_id, Image.accession, Image.id),
    sqlite_where=HAS_ACCESSION,
    postgresql_where=HAS_ACCESSION,
)
_partial_index("images_leased", ImageStatus.RUNNING, Image.lease_until)


class Result(Base):
    """What one model says about one image.

    One of an image's results is `active`; a `shadow` one is kept for comparison and never shown.
    `probabilities` are by label, in the order of the model's labels. `uncertain_reasons` is null in
    results that were saved before reasons were; the triage is, too, where the model has none.
    `film_…` are statistics of the X-ray as the network saw it (`model.films`); null where they are
    not known.
    """

    __tablename__ = "results"

    image_id: Mapped[int] = mapped_column(BigKey, ForeignKey("images.id"), primary_key=True)
    model: Mapped[str] = mapped_column(String(80), primary_key=True)
    role: Mapped[ResultRole] = mapped_column(by_value(ResultRole))
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    label: Mapped[str] = mapped_column(String(80))
    probabilities: Mapped[dict[str, float]]
    uncertain: Mapped[bool]
    uncertain_reasons: Mapped[list[str] | None]
    triage_score: Mapped[float | None]
    triage_threshold: Mapped[float | None]
    timings_ms: Mapped[dict[str, float] | None]
    film_distance: Mapped[float | None]
    film_mean: Mapped[float | None]
    film_contrast: Mapped[float | None]
    created_at: Mapped[datetime]


def _role_is(role: ResultRole) -> ColumnElement[bool]:
    # In the SQL text as well, for the partial indexes below.
    value = bindparam(None, role, type_=Result.role.type, literal_execute=True)
    return Result.role == value


IS_ACTIVE = _role_is(ResultRole.ACTIVE)
IS_SHADOW = _role_is(ResultRole.SHADOW)
Index(
    "results_shadow",
    *(Result.clinic_id, Result.image_id),
    sqlite_where=IS_SHADOW,
    postgresql_where=IS_SHADOW,
)
Index(
    "results_active",
    Result.image_id,
    unique=True,
    sqlite_where=IS_ACTIVE,
    postgresql_where=IS_ACTIVE,
)
Index(
    "results_of_job_by_label",
    # Uncertain last: counts by label and certainty read the index alone.
    *(Result.job_id, Result.label, Result.image_id, Result.uncertain),
    sqlite_where=IS_ACTIVE,
    postgresql_where=IS_ACTIVE,
)


class ShadowTask(Base):
    """An image that has its result, and waits for the shadow model to classify it as well."""

    __tablename__ = "shadow_tasks"

    image_id: Mapped[int] = mapped_column(BigKey, ForeignKey("images.id"), primary_key=True)


class ResultMap(Base):
    """Maps of a result that have the same shape: float16 grids over the part of the X-ray that the
    network saw.

    A row each would cost more than the grids in them. `names` are those of all grids, `name` that
    of the first; where `names` is null there is no other. `position` orders the rows of a result;
    its first map is the main one.
    """

    __tablename__ = "maps"

    image_id: Mapped[int] = mapped_column(BigKey, ForeignKey("images.id"), primary_key=True)
    model: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    names: Mapped[list[str] | None]
    position: Mapped[int]
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    height: Mapped[int]
    width: Mapped[int]
    grid: Mapped[bytes]  # of each name height * width little-endian float16 values, row by row
    left: Mapped[float]
    top: Mapped[float]
    right: Mapped[float]
    bottom: Mapped[float]


class Review(Base):
    """What one reader says about the result of an image.

    `label` is the reader's, None for a film that cannot be judged. `boxes` are the marks, as
    `worker.records.reviews.ReviewBox`. `model` and `model_label`: the result that was judged.
    `blind`: the reader had not seen it before.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        Index("reviews_of_job", "job_id", "image_id"),
        Index("reviews_of_model", "clinic_id", "model"),
    )

    image_id: Mapped[int] = mapped_column(BigKey, ForeignKey("images.id"), primary_key=True)
    reader: Mapped[str] = mapped_column(String(200), primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    verdict: Mapped[Verdict] = mapped_column(by_value(Verdict))
    label: Mapped[str | None] = mapped_column(String(80))
    comment: Mapped[str] = mapped_column(String(2000))
    boxes: Mapped[list[dict[str, Any]]]
    model: Mapped[str] = mapped_column(String(80))
    model_label: Mapped[str] = mapped_column(String(80))
    blind: Mapped[bool]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Worker(Base):
    """A worker process, its model, and when it last gave a sign of life.

    `role`: of its results. `processed`: images that it finished since it started.
    `images_per_second`: in the last minute; null before its first sign of life.
    """

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    host: Mapped[str] = mapped_column(String(200))
    pid: Mapped[int]
    device: Mapped[str] = mapped_column(String(16))
    model: Mapped[str] = mapped_column(String(80))
    role: Mapped[ResultRole] = mapped_column(
        by_value(ResultRole), default=ResultRole.ACTIVE, server_default=ResultRole.ACTIVE.value
    )
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    processed: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    images_per_second: Mapped[float | None]
