"""What a clinic does with a job after its upload: close, cancel, resume, retry.

All of it is in the rows, so every worker obeys it, also after a restart of anything. The job's row
is read again after its images were locked: while we waited for them, it may have been deleted.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from worker.errors import FileNotKept, NotFound, NotRefusedByGate, TooManyWaiting
from worker.records.clinics import RetriedNumbers
from worker.records.images import WAIVABLE, ImageStatus
from worker.records.jobs import UNTITLED, JobRecord, JobStatus, named_after, outer_folder
from worker.store.counters import complete_if_done, move
from worker.store.database import Database
from worker.store.overview import check_room
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

    def resume_job(self, clinic_id: int, job_id: int, max_waiting: int | None = None) -> JobRecord:
        """Let cancelled images wait again; without any, none does. Raises NotFound, TooManyWaiting.

        If workers are up, and none of them has the model that the job began with, the job is freed
        from it: the first of them to take what is left makes it its own.
        """
        models = {worker.model for worker in self.workers_up()}
        with self.database.writing() as session:
            _let_wait(session, clinic_id, [job_id], ImageStatus.CANCELLED, max_waiting)
            job = job_row(session, clinic_id, job_id)
            if models and job.model is not None and job.model not in models:
                job.model = None
                job.revision += 1
            if job.status is JobStatus.CANCELLED and job.running:
                # Workers held all that was left, so no image was cancelled, and none waits again.
                _run_again(job)
                job.revision += 1
            return job_record(job)

    def retry_job(self, clinic_id: int, job_id: int, max_waiting: int | None = None) -> JobRecord:
        """Let failed images wait again, with all their attempts. Raises NotFound, TooManyWaiting.

        Without any, nothing changes: results and refusals stand.
        """
        with self.database.writing() as session:
            _let_wait(session, clinic_id, [job_id], ImageStatus.FAILED, max_waiting)
            return job_record(job_row(session, clinic_id, job_id))

    def retry_images(
        self, clinic_id: int, image_ids: Sequence[int], max_waiting: int | None = None
    ) -> int:
        """Let those of these images that failed wait again. Returns: how many do.

        Raises TooManyWaiting when not all of them may.
        """
        which, jobs = Image.id.in_(image_ids), self._jobs_of(clinic_id, image_ids)
        with self.database.writing() as session:
            return _let_wait(session, clinic_id, jobs, ImageStatus.FAILED, max_waiting, which)

    def retry_reason(
        self, reason: str, since: datetime, max_waiting: int | None = None
    ) -> RetriedNumbers:
        """Let images of all clinics wait again that failed for this reason, in jobs uploaded after
        `since`: of each clinic, job by job, as many as may wait. Jobs that their clinic has
        cancelled stay as they are.
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
        left: Counter[int] = Counter()
        for clinic_id, job_id in jobs:
            try:
                with self.database.writing() as session:
                    found[clinic_id] += _let_wait(
                        session, clinic_id, [job_id], ImageStatus.FAILED, max_waiting, which
                    )
            except NotFound:
                pass  # deleted since
            except TooManyWaiting:
                with self.database.reading() as session:
                    left[clinic_id] += _count_failed(session, [job_id], which)
        return RetriedNumbers(+found, left)

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

    def classify_anyway(
        self, clinic_id: int, image_id: int, by: str, max_waiting: int | None = None
    ) -> int:
        """Let an image wait again that the gate refused, and pass it this time.

        by: who wants it. Returns: how many images of its job wait now. Raises NotFound,
        NotRefusedByGate, FileNotKept, TooManyWaiting.
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
            if image.file_key is None:
                raise FileNotKept(
                    f"The file of image {image_id} is not kept any more. Upload it again to have "
                    "it classified."
                )
            image.waived_reason, image.waived_by, image.waived_at = image.reason, by, now()
            image.status, image.attempts = ImageStatus.WAITING, 0
            image.reason = image.message = image.finished_at = None
            session.flush()
            move(session, job.id, Counter(waiting=1, rejected=-1))
            session.refresh(job)
            _run_again(job)
            if max_waiting is not None:
                check_room(session, clinic_id, 1, max_waiting)
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


def _let_wait(
    session: Session,
    clinic_id: int,
    job_ids: Iterable[int],
    status: ImageStatus,
    max_waiting: int | None,
    *which: ColumnElement[bool],
) -> int:
    """Images of this status in these jobs, all or some, wait again. Returns: how many.

    Raises NotFound, TooManyWaiting.
    """
    waiting: Counter[int] = Counter()
    # Images before their jobs, and jobs in order of id, as workers do: avoids deadlock.
    for job_id in sorted(job_ids):
        job_row(session, clinic_id, job_id)
        waiting[job_id] = session.execute(
            update(Image)
            .where(Image.job_id == job_id, *_able_to_wait(status), *which)
            .values(
                status=ImageStatus.WAITING, reason=None, message=None, attempts=0, finished_at=None
            )
            .execution_options(synchronize_session=False)
        ).rowcount
    for job_id, count in waiting.items():
        job = job_row(session, clinic_id, job_id, lock=True)
        if count:
            move(session, job_id, Counter({"waiting": count, status.value: -count}))
            session.refresh(job)
            _run_again(job)
    if waiting.total() and max_waiting is not None:
        check_room(session, clinic_id, waiting.total(), max_waiting)
    return waiting.total()


def _able_to_wait(status: ImageStatus) -> tuple[ColumnElement[bool], ...]:
    # Those whose files are not kept any more stay as they are.
    return status_is(status), Image.file_key.is_not(None)


def _count_failed(session: Session, jobs: Sequence[int], which: ColumnElement[bool]) -> int:
    """How many images of these jobs could be tried again."""
    failed = Image.job_id.in_(jobs), *_able_to_wait(ImageStatus.FAILED), which
    return session.scalar(select(func.count()).where(*failed))


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


def _folder_of_all(session: Session, job: Job, first_filename: str) -> str | None:
    """The folder that every image of the job came in, if it is one."""
    folder = outer_folder(first_filename)
    if folder is None:
        return None
    is_elsewhere = Image.filename.startswith(f"{folder}/", autoescape=True).is_(False)
    mixed = session.scalar(select(exists().where(Image.job_id == job.id, is_elsewhere)))
    return None if mixed else folder


def _close(session: Session, job: Job) -> None:
    if job.name == UNTITLED:
        first = select(Image.filename).where(Image.job_id == job.id).order_by(Image.id).limit(1)
        if filename := session.scalar(first):
            job.name = named_after(filename, job.total, _folder_of_all(session, job, filename))
    job.open = False
    job.revision += 1
    session.flush()
    complete_if_done(session, job.id)
    session.refresh(job)
