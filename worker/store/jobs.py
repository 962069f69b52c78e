"""Jobs: made from an upload, and watched."""

from collections.abc import Iterable

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from worker.errors import KeyTaken
from worker.records import ImageStatus, JobRecord, JobStatus, NewImage, Page
from worker.store.database import Database
from worker.store.rows import decode_cursor, encode_cursor, job_record, job_row, now
from worker.store.schema import Image, Job

ROWS_PER_INSERT = 1000


class JobVerbs:
    database: Database

    def create_job(
        self,
        clinic_id: int,
        name: str,
        images: Iterable[NewImage],
        urgent: bool = False,
        upload: str | None = None,
        idempotency_key: str | None = None,
    ) -> JobRecord:
        """Store the job and its images in one transaction; their messages are still unsent.

        upload: name of the folder of their files. idempotency_key: what the sender calls the
        upload. Raises KeyTaken when the clinic has a job of that key (see `job_of_key`), ValueError
        when there are no images.
        """
        images = list(images)
        if not images:
            raise ValueError("A job needs at least one image. Received: none")
        refused = sum(image.reason is not None for image in images)
        with self.database.writing() as session:
            created_at = now()
            job = Job(
                clinic_id=clinic_id,
                name=name[:200],
                upload=upload,
                idempotency_key=idempotency_key,
                urgent=urgent,
                status=JobStatus.RUNNING,
                total=len(images),
                waiting=len(images) - refused,
                rejected=refused,
                started_with=refused,
                created_at=created_at,
                accepted_at=created_at,
            )
            session.add(job)
            try:
                session.flush()
            except IntegrityError as error:
                if idempotency_key is None:
                    raise
                raise KeyTaken(
                    "An upload of this key came at the same time. Send it again."
                ) from error
            rows = [_image_values(image, job, created_at) for image in images]
            for start in range(0, len(rows), ROWS_PER_INSERT):
                session.execute(insert(Image), rows[start : start + ROWS_PER_INSERT])
            if refused == len(images):
                job.status, job.finished_at = JobStatus.COMPLETE, created_at
            return job_record(job)

    def job(self, clinic_id: int, job_id: int) -> JobRecord:
        """Raises NotFound."""
        with self.database.reading() as session:
            return job_record(job_row(session, clinic_id, job_id))

    def job_of_key(self, clinic_id: int, idempotency_key: str) -> JobRecord | None:
        """The job that the sender's key was given to, if there is one."""
        with self.database.reading() as session:
            job = session.scalar(
                select(Job).where(
                    Job.clinic_id == clinic_id, Job.idempotency_key == idempotency_key
                )
            )
            return job_record(job) if job else None

    def known_uploads(self, names: Iterable[str]) -> set[str]:
        """Those names of upload folders that belong to a job."""
        with self.database.reading() as session:
            return set(session.scalars(select(Job.upload).where(Job.upload.in_(list(names)))))

    def jobs(self, clinic_id: int, cursor: str | None = None, limit: int = 50) -> Page[JobRecord]:
        """The clinic's jobs, newest first. Raises InvalidCursor."""
        query = select(Job).where(Job.clinic_id == clinic_id).order_by(Job.id.desc())
        if cursor is not None:
            query = query.where(Job.id < decode_cursor(cursor))
        with self.database.reading() as session:
            found = session.scalars(query.limit(limit + 1)).all()
            items = [job_record(job) for job in found[:limit]]
        return Page(items, encode_cursor(items[-1].id) if len(found) > limit else None)


def _image_values(image: NewImage, job: Job, created_at) -> dict:
    refused = image.reason is not None
    return {
        "clinic_id": job.clinic_id,
        "job_id": job.id,
        "filename": image.filename[:1000],
        "file_key": image.file_key,
        "size_bytes": image.size_bytes,
        "urgent": job.urgent,
        "status": ImageStatus.REJECTED if refused else ImageStatus.WAITING,
        "reason": image.reason,
        "message": image.message,
        "created_at": created_at,
        "finished_at": created_at if refused else None,
    }
