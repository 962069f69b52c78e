"""Images: the state of the work on them, and what lists of them are ordered and filtered by."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from worker.reading_order import WITHOUT_RESULT
from worker.records.images import ImageStatus
from worker.records.jobs import MAX_FILENAME
from worker.store.schema.columns import Base, BigKey, by_value, is_literally, partial_index

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
    this table again has to make them again.
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
    """For queries by the indexes of images of one status."""
    return is_literally(Image.status, status)


HAS_PATIENT: ColumnElement[bool] = Image.__table__.c.patient.is_not(None)
HAS_ACCESSION: ColumnElement[bool] = Image.__table__.c.accession.is_not(None)
partial_index("images_of_patient", HAS_PATIENT, Image.clinic_id, Image.patient, Image.id)
partial_index("images_of_accession", HAS_ACCESSION, Image.clinic_id, Image.accession, Image.id)
# Stays as small as the work in hand, whatever the history behind it.
partial_index("images_leased", status_is(ImageStatus.RUNNING), Image.lease_until)
