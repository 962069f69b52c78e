"""Rows to records, and the page cursor. Shared by the verbs."""

import base64
import binascii
import json
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Row, String, cast, select
from sqlalchemy.orm import Session

from model.scores import GateScore, Triage
from worker.errors import InvalidCursor, NotFound
from worker.records.images import ImageRecord, ResultRecord, Waiver
from worker.records.jobs import Counts, JobRecord
from worker.store.schema import Image, Job, Result

# Of the rows in `jobs`, those that are jobs to their clinic: accepted whole, and not deleted.
SHOWN: tuple[ColumnElement[bool], ...] = (
    Job.accepted_at.is_not(None),
    Job.deleted_at.is_(None),
    Job.part_of.is_(None),
)


def now() -> datetime:
    return datetime.now(UTC)


def job_row(session: Session, clinic_id: int, job_id: int, lock: bool = False) -> Job:
    """The job as it is now; with `lock`, as it stays until the end of the transaction."""
    query = select(Job).where(Job.id == job_id, Job.clinic_id == clinic_id, *SHOWN)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    job = session.scalar(query)
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job


def labels_of_clinic(session: Session, clinic_id: int) -> list[str]:
    """Those of all its jobs, in their models' order."""
    # As text: PostgreSQL cannot compare JSON.
    query = select(cast(Job.labels, String)).where(
        Job.clinic_id == clinic_id, Job.labels.is_not(None), *SHOWN
    )
    lists = session.scalars(query.distinct())
    return [*dict.fromkeys(label for found in lists for label in json.loads(found))]


def job_record(job: Job) -> JobRecord:
    return JobRecord(
        id=job.id,
        clinic_id=job.clinic_id,
        name=job.name,
        status=job.status,
        urgent=job.urgent,
        open=job.open,
        blind=job.blind,
        readers=job.readers,
        counts=Counts(
            total=job.total,
            waiting=job.waiting,
            running=job.running,
            done=job.done,
            rejected=job.rejected,
            failed=job.failed,
            cancelled=job.cancelled,
        ),
        content_sha256=job.content_sha256,
        revision=job.revision,
        started_with=job.started_with,
        model=job.model,
        labels=tuple(job.labels or ()),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


# What a record is made of. Columns, not entities: a page of a hundred costs half as much.
IMAGE_COLUMNS = (
    *(Image.id, Image.job_id, Image.filename, Image.status, Image.reason, Image.message),
    *(Image.gate_version, Image.gate_score, Image.width, Image.height, Image.size_bytes),
    *(Image.attempts, Image.created_at, Image.finished_at, Image.file_key, Image.facts),
    *(Image.patient, Image.accession),
    *(Image.waived_reason, Image.waived_by, Image.waived_at),
    *(Image.deidentified, Image.picture_key, Image.reading_rank),
)
RESULT_COLUMNS = (
    *(Result.model, Result.label, Result.probabilities, Result.uncertain, Result.timings_ms),
    *(Result.uncertain_reasons, Result.triage_score, Result.triage_threshold),
)


def image_record(image: Row) -> ImageRecord:
    """From IMAGE_COLUMNS and, of its active result if it has one, RESULT_COLUMNS."""
    gate = None
    if image.gate_version is not None and image.gate_score is not None:
        gate = GateScore(image.gate_version, image.gate_score)
    return ImageRecord(
        id=image.id,
        job_id=image.job_id,
        filename=image.filename,
        status=image.status,
        reason=image.reason,
        message=image.message,
        result=_result_record(image) if image.model is not None else None,
        gate=gate,
        width=image.width,
        height=image.height,
        size_bytes=image.size_bytes,
        attempts=image.attempts,
        created_at=image.created_at,
        finished_at=image.finished_at,
        file_key=image.file_key,
        facts=image.facts,
        patient=image.patient,
        accession=image.accession,
        waiver=_waiver(image),
        deidentified=image.deidentified,
        picture_key=image.picture_key,
    )


def _waiver(image: Row) -> Waiver | None:
    if image.waived_reason is None:
        return None
    return Waiver(image.waived_reason, image.waived_by, image.waived_at)


def _result_record(result: Row) -> ResultRecord:
    triage = None
    if result.triage_score is not None and result.triage_threshold is not None:
        triage = Triage(result.triage_score, result.triage_threshold)
    return ResultRecord(
        model=result.model,
        label=result.label,
        probabilities=result.probabilities,
        uncertain=result.uncertain,
        uncertain_reasons=tuple(result.uncertain_reasons or ()),
        triage=triage,
        timings_ms=result.timings_ms,
    )


MAX_ROW_NUMBER = 2**63 - 1  # that a database can hold


def row_number(text: str) -> int:
    """Raises ValueError for what is no number of a row."""
    number = int(text)
    if not 0 <= number <= MAX_ROW_NUMBER:
        raise ValueError("out of range")
    return number


def encode_cursor(last_id: int) -> str:
    return base64.urlsafe_b64encode(str(last_id).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> int:
    """Raises InvalidCursor for anything that `encode_cursor` did not make."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        return row_number(text)
    except (ValueError, binascii.Error):
        raise InvalidCursor(
            "The page cursor is not one that this API gave out. Start again without a cursor."
        ) from None
