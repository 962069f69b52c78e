"""Find jobs and follow their progress."""

from collections.abc import Iterable

from sqlalchemy import select

from worker.records.jobs import JobRecord, JobStatus, KnownUpload
from worker.records.pages import Page
from worker.store.jobs.receiving import ReceivingVerbs
from worker.store.rows import SHOWN, decode_cursor, encode_cursor, job_record, job_row
from worker.store.schema import Job


class JobVerbs(ReceivingVerbs):
    def job(self, clinic_id: int, job_id: int) -> JobRecord:
        """Raises NotFound."""
        with self.database.reading() as session:
            return job_record(job_row(session, clinic_id, job_id))

    def job_names(self, clinic_id: int, job_ids: Iterable[int]) -> dict[int, str]:
        """By number, of those that are the clinic's."""
        query = select(Job.id, Job.name).where(
            Job.clinic_id == clinic_id, Job.id.in_(sorted(job_ids)), *SHOWN
        )
        with self.database.reading() as session:
            return dict(session.execute(query.order_by(Job.id)).all())

    def models(self, clinic_id: int) -> list[str]:
        """The models that the clinic's jobs began with, by name."""
        query = (
            select(Job.model)
            .where(Job.clinic_id == clinic_id, Job.model.is_not(None), *SHOWN)
            .distinct()
            .order_by(Job.model)
        )
        with self.database.reading() as session:
            return list(session.scalars(query))

    def job_of_key(self, clinic_id: int, idempotency_key: str) -> JobRecord | None:
        """The job of the upload with this key, if it was accepted."""
        known = self.known_upload(clinic_id, idempotency_key)
        return known.job if known else None

    def known_upload(self, clinic_id: int, idempotency_key: str) -> KnownUpload | None:
        """The upload with this key, if it was accepted."""
        query = select(Job).where(
            Job.clinic_id == clinic_id, Job.idempotency_key == idempotency_key
        )
        with self.database.reading() as session:
            upload = session.scalar(query)
            if upload is None:
                return None
            job = session.get(Job, upload.part_of) if upload.part_of else upload
            return KnownUpload(job_record(job), upload.content_sha256, upload is not job)

    def known_uploads(self, names: Iterable[str]) -> set[str]:
        """Those names of upload folders that belong to a job."""
        with self.database.reading() as session:
            return set(session.scalars(select(Job.upload).where(Job.upload.in_(list(names)))))

    def jobs(
        self,
        clinic_id: int,
        cursor: str | None = None,
        limit: int = 50,
        search: str | None = None,
        status: JobStatus | None = None,
    ) -> Page[JobRecord]:
        """The clinic's jobs, newest first. search: part of the name. Raises InvalidCursor."""
        query = select(Job).where(Job.clinic_id == clinic_id, *SHOWN).order_by(Job.id.desc())
        if cursor is not None:
            query = query.where(Job.id < decode_cursor(cursor))
        if search:
            query = query.where(Job.name.icontains(search, autoescape=True))
        if status is not None:
            query = query.where(Job.status == status)
        with self.database.reading() as session:
            found = session.scalars(query.limit(limit + 1)).all()
            items = [job_record(job) for job in found[:limit]]
        return Page(items, encode_cursor(items[-1].id) if len(found) > limit else None)
