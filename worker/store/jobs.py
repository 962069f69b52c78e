"""Jobs: made from an upload, watched, cancelled."""

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from worker.database import Database
from worker.schema import Image, Job, status_is
from worker.store.rows import decode_cursor, encode_cursor, job_row, job_view, now
from worker.views import ImageStatus, JobStatus, JobView, NewImage, Page

ROWS_PER_INSERT = 1000


class JobVerbs:
    database: Database

    def create_job(
        self, clinic_id: int, name: str, images: Iterable[NewImage], urgent: bool = False
    ) -> JobView:
        """Store the job and its images in one transaction; their messages are still unsent.

        Raises ValueError when there are no images.
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
                urgent=urgent,
                status=JobStatus.RUNNING,
                total=len(images),
                waiting=len(images) - refused,
                rejected=refused,
                created_at=created_at,
            )
            session.add(job)
            session.flush()
            rows = [_image_values(image, job, created_at) for image in images]
            for start in range(0, len(rows), ROWS_PER_INSERT):
                session.execute(insert(Image), rows[start : start + ROWS_PER_INSERT])
            if refused == len(images):
                job.status, job.finished_at = JobStatus.COMPLETE, created_at
            return job_view(job)

    def job(self, clinic_id: int, job_id: int) -> JobView:
        """Raises NotFound."""
        with self.database.reading() as session:
            return job_view(job_row(session, clinic_id, job_id))

    def jobs(self, clinic_id: int, cursor: str | None = None, limit: int = 50) -> Page[JobView]:
        """The clinic's jobs, newest first. Raises InvalidCursor."""
        query = select(Job).where(Job.clinic_id == clinic_id).order_by(Job.id.desc())
        if cursor is not None:
            query = query.where(Job.id < decode_cursor(cursor))
        with self.database.reading() as session:
            found = session.scalars(query.limit(limit + 1)).all()
            items = [job_view(job) for job in found[:limit]]
        return Page(items, encode_cursor(items[-1].id) if len(found) > limit else None)

    def cancel_job(self, clinic_id: int, job_id: int) -> JobView:
        """Stop what has not begun; images that a worker holds are finished. Raises NotFound."""
        with self.database.writing() as session:
            job = job_row(session, clinic_id, job_id)
            cancelled = session.execute(
                update(Image)
                .where(Image.job_id == job_id, status_is(ImageStatus.WAITING))
                .values(status=ImageStatus.CANCELLED, finished_at=now())
            ).rowcount
            if job.status is JobStatus.RUNNING:
                move(session, job_id, Counter(waiting=-cancelled, cancelled=cancelled))
                session.refresh(job)
                job.status, job.finished_at = JobStatus.CANCELLED, now()
            return job_view(job)


def move(session: Session, job_id: int, changes: Counter) -> None:
    """Add `changes` to the job's counters, and complete it when nothing is left to do."""
    values = {getattr(Job, name): getattr(Job, name) + by for name, by in changes.items()}
    values[Job.revision] = Job.revision + 1
    claimed = changes["running"] > 0
    if claimed:
        values[Job.started_at] = func.coalesce(Job.started_at, now())
    session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    if claimed:
        return
    session.execute(
        update(Job)
        .where(
            Job.id == job_id,
            Job.status == JobStatus.RUNNING,
            Job.waiting == 0,
            Job.running == 0,
        )
        .values(status=JobStatus.COMPLETE, finished_at=now())
        .execution_options(synchronize_session=False)
    )


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
