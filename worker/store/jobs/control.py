"""What a clinic does with a job after its upload: close, cancel, resume, retry.

All of it is in the rows, so every worker obeys it, also after a restart of anything. The job's row
is read again after its images were locked: while we waited for them, it may have been deleted.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, select, update
from sqlalchemy.orm import Session, aliased

from worker.errors import NotFound, NotRefusedByGate
from worker.records.images import WAIVABLE, ImageStatus
from worker.records.jobs import UNTITLED, JobRecord, JobStatus, named_after
from worker.store.counters import complete_if_done, move
from worker.store.database import Database
from worker.store.rows import SHOWN, job_record, job_row, now
from worker.store.schema import Image, Job, status_is
from worker.store.work.workers import WorkerVerbs


class ControlVerbs(WorkerVerbs):
    database: Database

    def rename_job(self, clinic_id: int, job_id: int, name: str) -> JobRecord:
        """name: up to 200 characters. Raises NotFound."""
        with self.database.writing() as session:
            job = job_row(session, clinic_id, job_id, lock=True)
            job.name, job.revision = name[:200], job.revision + 1
            return job_record(job)

    def cancel_job(self, clinic_id: int, job_id: int) -> JobRecord:
        """Stop what has not begun; images that a worker holds are finished. Raises NotFound."""
        with self.database.writing() as session:
            job_row(session, clinic_id, job_id)
            cancelled = _cancel_waiting(session, Image.job_id == job_id)
            job = job_row(session, clinic_id, job_id, lock=True)
            # Also after an earlier cancellation: an image of a dead worker may have come back.
            if cancelled or job.status is JobStatus.RUNNING:
                move(session, job_id, Counter(waiting=-cancelled, cancelled=cancelled))
                session.refresh(job)
                job.status, job.finished_at, job.open = JobStatus.CANCELLED, now(), False
            return job_record(job)

    def resume_job(self, clinic_id: int, job_id: int) -> JobRecord:
        """Let cancelled images wait again; without any, none does. Raises NotFound.

        If workers are up, and none of them has the model that the job began with, the job is freed
        from it: the first of them to take what is left makes it its own.
        """
        models = {worker.model for worker in self.workers_up()}
        with self.database.writing() as session:
            job = job_row(session, clinic_id, job_id, lock=True)
            if models and job.model is not None and job.model not in models:
                job.model = None
                job.revision += 1
            if job.status is JobStatus.CANCELLED and job.running:
                # Workers held all that was left, so no image was cancelled, and none waits again.
                _run_again(job)
                job.revision += 1
        return self._wait_again(clinic_id, job_id, ImageStatus.CANCELLED)

    def retry_job(self, clinic_id: int, job_id: int) -> JobRecord:
        """Let failed images wait again, with all their attempts. Raises NotFound.

        Without any, nothing changes: results and refusals stand.
        """
        return self._wait_again(clinic_id, job_id, ImageStatus.FAILED)

    def retry_images(self, clinic_id: int, image_ids: Sequence[int]) -> int:
        """Let those of these images that failed wait again. Returns: how many do."""
        found = 0
        which = Image.id.in_(image_ids)
        for job_id in self._jobs_of(clinic_id, image_ids):
            found += self._let_wait(clinic_id, job_id, ImageStatus.FAILED, which)[0]
        return found

    def retry_reason(self, reason: str, since: datetime) -> Counter[int]:
        """Let images of all clinics wait again that failed for this reason, in jobs uploaded after
        `since`. Jobs that their clinic has cancelled stay as they are.

        Returns: by clinic, how many images wait.
        """
        which = Image.reason == reason
        is_meant = and_(status_is(ImageStatus.FAILED), which)
        query = (
            select(Job.clinic_id, Job.id)
            .where(*SHOWN, Job.accepted_at >= since, Job.failed > 0)
            .where(Job.status != JobStatus.CANCELLED)
            .where(exists().where(Image.job_id == Job.id, is_meant))
            .order_by(Job.id)
        )
        with self.database.reading() as session:
            jobs = session.execute(query).all()
        found: Counter[int] = Counter()
        for clinic_id, job_id in jobs:
            with suppress(NotFound):  # deleted since
                found[clinic_id] += self._let_wait(clinic_id, job_id, ImageStatus.FAILED, which)[0]
        return +found

    def cancel_images(self, clinic_id: int, image_ids: Sequence[int]) -> int:
        """Cancel those of these images that wait. Returns: how many."""
        found = 0
        for job_id in self._jobs_of(clinic_id, image_ids):
            with self.database.writing() as session:
                cancelled = _cancel_waiting(
                    session, Image.job_id == job_id, Image.id.in_(image_ids)
                )
                if cancelled:
                    job_row(session, clinic_id, job_id, lock=True)
                    move(session, job_id, Counter(waiting=-cancelled, cancelled=cancelled))
                found += cancelled
        return found

    def classify_anyway(self, clinic_id: int, image_id: int, by: str) -> int:
        """Let an image wait again that the gate refused, and pass it this time.

        by: who wants it. Returns: how many images of its job wait now. Raises NotFound,
        NotRefusedByGate.
        """
        with self.database.writing() as session:
            image = session.scalar(
                select(Image)
                .where(Image.id == image_id, Image.clinic_id == clinic_id)
                .with_for_update()
            )
            if image is None:
                raise NotFound(f"There is no image {image_id}.")
            job = job_row(session, clinic_id, image.job_id, lock=True)
            if image.status is not ImageStatus.REJECTED or image.reason not in WAIVABLE:
                raise NotRefusedByGate(
                    "Only an image that was rejected as not being a frontal chest X-ray can be "
                    f"classified anyway. Status of image {image_id}: {image.status}."
                )
            image.waived_reason, image.waived_by, image.waived_at = image.reason, by, now()
            image.status, image.attempts = ImageStatus.WAITING, 0
            image.reason = image.message = image.finished_at = None
            session.flush()
            move(session, job.id, Counter(waiting=1, rejected=-1))
            session.refresh(job)
            _run_again(job)
            return job.waiting

    def close_job(self, clinic_id: int, job_id: int) -> JobRecord:
        """Take no more images; a job that is closed already stays as it is. Raises NotFound."""
        with self.database.writing() as session:
            job = job_row(session, clinic_id, job_id, lock=True)
            if job.open:
                _close(session, job)
            return job_record(job)

    def close_idle_jobs(self, after_s: float) -> int:
        """Close open jobs to which nothing was added for so long, and nothing is being added.

        Returns: how many.
        """
        part = aliased(Job)
        arriving = exists().where(part.part_of == Job.id, part.accepted_at.is_(None))
        idle = select(Job).where(
            Job.open.is_(True),
            Job.deleted_at.is_(None),
            Job.touched_at < self.database.time_in(-after_s),
            ~arriving.correlate(Job),
        )
        with self.database.writing() as session:
            jobs = session.scalars(idle.order_by(Job.id).with_for_update(of=Job)).all()
            for job in jobs:
                _close(session, job)
        return len(jobs)

    def _jobs_of(self, clinic_id: int, image_ids: Sequence[int]) -> Sequence[int]:
        query = (
            select(Image.job_id)
            .join(Job, Job.id == Image.job_id)
            .where(Image.id.in_(image_ids), Image.clinic_id == clinic_id, *SHOWN)
            .distinct()
            .order_by(Image.job_id)
        )
        with self.database.reading() as session:
            return session.scalars(query).all()

    def _wait_again(self, clinic_id: int, job_id: int, status: ImageStatus) -> JobRecord:
        return self._let_wait(clinic_id, job_id, status)[1]

    def _let_wait(
        self,
        clinic_id: int,
        job_id: int,
        status: ImageStatus,
        *which: ColumnElement[bool],
    ) -> tuple[int, JobRecord]:
        """Images of this status, all or some, wait again. Returns: how many; the job."""
        with self.database.writing() as session:
            job_row(session, clinic_id, job_id)
            waiting = session.execute(
                update(Image)
                # Those whose files are not kept any more stay as they are.
                .where(Image.job_id == job_id, status_is(status), Image.file_key.is_not(None))
                .where(*which)
                .values(
                    status=ImageStatus.WAITING,
                    reason=None,
                    message=None,
                    attempts=0,
                    finished_at=None,
                )
                .execution_options(synchronize_session=False)
            ).rowcount
            job = job_row(session, clinic_id, job_id, lock=True)
            if waiting:
                move(session, job_id, Counter({"waiting": waiting, status.value: -waiting}))
                session.refresh(job)
                _run_again(job)
            return waiting, job_record(job)


def _cancel_waiting(session: Session, *which: ColumnElement[bool]) -> int:
    """Cancel those images that wait. Returns: how many; their job's counters are the caller's."""
    return session.execute(
        update(Image)
        .where(*which, status_is(ImageStatus.WAITING))
        .values(status=ImageStatus.CANCELLED, finished_at=now())
        .execution_options(synchronize_session=False)
    ).rowcount


def _run_again(job: Job) -> None:
    job.status, job.started_at, job.finished_at = JobStatus.RUNNING, None, None
    # Speed is counted from here on: of a job that still ran, too, for what was finished before is
    # partly unfinished now.
    job.started_with = job.done + job.rejected + job.failed


def _close(session: Session, job: Job) -> None:
    if job.name == UNTITLED:
        first = select(Image.filename).where(Image.job_id == job.id).order_by(Image.id).limit(1)
        if filename := session.scalar(first):
            job.name = named_after(filename, job.total)
    job.open = False
    job.revision += 1
    session.flush()
    complete_if_done(session, job.id)
    session.refresh(job)
