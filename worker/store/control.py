"""What a clinic does with a job after its upload: cancel, resume, retry, delete.

All of it is in the rows, so every worker obeys it, also after a restart of anything. The job's row
is read again after its images were locked: while we waited for them, it may have been deleted.
"""

from collections import Counter

from sqlalchemy import delete, select, update

from worker.records import ImageStatus, JobRecord, JobStatus
from worker.store.counters import move
from worker.store.database import Database
from worker.store.rows import job_record, job_row, now
from worker.store.schema import Image, Job, Result, ResultMap, status_is


class ControlVerbs:
    database: Database

    def cancel_job(self, clinic_id: int, job_id: int) -> JobRecord:
        """Stop what has not begun; images that a worker holds are finished. Raises NotFound."""
        with self.database.writing() as session:
            job_row(session, clinic_id, job_id)
            cancelled = session.execute(
                update(Image)
                .where(Image.job_id == job_id, status_is(ImageStatus.WAITING))
                .values(status=ImageStatus.CANCELLED, finished_at=now())
                .execution_options(synchronize_session=False)
            ).rowcount
            job = job_row(session, clinic_id, job_id, lock=True)
            # Also after an earlier cancellation: an image of a dead worker may have come back.
            if cancelled or job.status is JobStatus.RUNNING:
                move(session, job_id, Counter(waiting=-cancelled, cancelled=cancelled))
                session.refresh(job)
                job.status, job.finished_at = JobStatus.CANCELLED, now()
            return job_record(job)

    def resume_job(self, clinic_id: int, job_id: int) -> JobRecord:
        """Let cancelled images wait again; without any, nothing changes. Raises NotFound."""
        return self._wait_again(clinic_id, job_id, ImageStatus.CANCELLED)

    def retry_job(self, clinic_id: int, job_id: int) -> JobRecord:
        """Let failed images wait again, with all their attempts. Raises NotFound.

        Without any, nothing changes: results and refusals stand.
        """
        return self._wait_again(clinic_id, job_id, ImageStatus.FAILED)

    def delete_job(self, clinic_id: int, job_id: int) -> list[str]:
        """Delete the job with its images and results, also while workers hold some.

        Returns: the keys of its files, for the caller to delete. Raises NotFound.
        """
        with self.database.writing() as session:
            job_row(session, clinic_id, job_id)
            # Images before their job, as workers do, so that nobody waits in a circle.
            of_job = (
                select(Image.id, Image.file_key)
                .where(Image.job_id == job_id)
                .order_by(Image.id)
                .with_for_update()
            )
            keys = [key for _, key in session.execute(of_job) if key is not None]
            job_row(session, clinic_id, job_id, lock=True)
            ids = select(Image.id).where(Image.job_id == job_id)
            for statement in (
                delete(ResultMap).where(ResultMap.image_id.in_(ids)),
                delete(Result).where(Result.image_id.in_(ids)),
                delete(Image).where(Image.job_id == job_id),
                delete(Job).where(Job.id == job_id),
            ):
                session.execute(statement.execution_options(synchronize_session=False))
        return keys

    def _wait_again(self, clinic_id: int, job_id: int, status: ImageStatus) -> JobRecord:
        with self.database.writing() as session:
            job_row(session, clinic_id, job_id)
            waiting = session.execute(
                update(Image)
                .where(Image.job_id == job_id, status_is(status))
                .values(
                    status=ImageStatus.WAITING,
                    reason=None,
                    message=None,
                    attempts=0,
                    sent_at=None,
                    finished_at=None,
                )
                .execution_options(synchronize_session=False)
            ).rowcount
            job = job_row(session, clinic_id, job_id, lock=True)
            if waiting:
                move(session, job_id, Counter({"waiting": waiting, status.value: -waiting}))
                session.refresh(job)
                job.status, job.started_at, job.finished_at = JobStatus.RUNNING, None, None
                # Speed is counted from here on: of a job that still ran, too, for what was
                # finished before is partly unfinished now.
                job.started_with = job.done + job.rejected + job.failed
            return job_record(job)
