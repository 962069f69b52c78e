"""A job while its images arrive: rows in groups, then accepted as a whole, or abandoned.

Nobody sees a job before it is accepted, but workers already take its images. What one request
adds to an open job arrives in the same way, as a part: a row in `jobs` of its own, whose images
move to the open job when the request is accepted. Every verb may be repeated when its answer was
lost.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from worker.errors import JobNotOpen, KeyTaken, UploadAbandoned, UploadTooLarge
from worker.records.images import ImageStatus
from worker.records.jobs import Acceptance, Arriving, JobRecord, JobStatus, NewImage
from worker.store.counters import complete_if_done
from worker.store.database import Database
from worker.store.keeping.patient_data import OriginalName
from worker.store.numbers import reserve
from worker.store.overview import check_room, count_waiting
from worker.store.rows import job_record, now
from worker.store.schema import Image, Job, Result

ROWS_PER_INSERT = 1000
# Images of one clinic in transactions that have not ended: 100 of the groups that uploads write.
ON_THEIR_WAY = 50_000
MOVING = ("total", "waiting", "running", "done", "rejected", "failed", "cancelled", "started_with")


class ReceivingVerbs:
    database: Database

    def add_images(self, arriving: Arriving, already: int, images: Sequence[NewImage]) -> None:
        """Append to an upload that has `already` images; the first ones make its row.

        Raises UploadAbandoned when it was given up meanwhile, JobNotOpen, TooManyWaiting.
        """
        numbers = self._numbers(arriving, already, images)
        with self.database.writing() as session:
            _, added = self._append(session, arriving, already, images, numbers)
            _check_waiting(session, arriving, added)

    def accept(
        self,
        arriving: Arriving,
        already: int,
        images: Sequence[NewImage],
        acceptance: Acceptance,
    ) -> JobRecord:
        """Append the last images and show the job, in one transaction. Returns: the job.

        For a part that is the open job. Raises KeyTaken when the clinic has an upload of that key,
        UploadAbandoned, JobNotOpen, UploadTooLarge, TooManyWaiting.
        """
        numbers = self._numbers(arriving, already, images)
        with self.database.writing() as session:
            # Images before their job, and jobs in order of id, as workers do: avoids deadlock.
            if arriving.part_of is not None:
                of_upload = Image.job_id.in_(select(Job.id).where(Job.upload == arriving.upload))
                held = select(Image.id).where(of_upload).order_by(Image.id).with_for_update()
                session.execute(held).all()
                open_job = session.get(Job, arriving.part_of, with_for_update=True)
                # What was committed, and whose answer was lost, stays so if the job closed since.
                if not _is_accepted(session, arriving):
                    _check_open(open_job, arriving.part_of)
            job, added = self._append(session, arriving, already, images, numbers)
            if job.accepted_at is None:
                _accept(session, job, acceptance)
                if arriving.part_of is not None:
                    _check_room(open_job.total + job.total, acceptance.max_images)
                    _move_images(session, job, open_job)
                    open_job.touched_at = self.database.time_in(0)
            if arriving.part_of is not None:
                job = open_job
            session.flush()
            complete_if_done(session, job.id)
            session.refresh(job)
            _check_waiting(session, arriving, added)
            return job_record(job)

    def touch(self, upload: str) -> None:
        """A sign of life of an upload."""
        with self.database.writing() as session:
            session.execute(
                update(Job)
                .where(Job.upload == upload)
                .values(touched_at=self.database.time_in(0))
                .execution_options(synchronize_session=False)
            )

    def touch_open_job(self, clinic_id: int, job_id: int) -> None:
        """Files for it are on their way. Raises JobNotOpen."""
        touched = (
            update(Job)
            .where(Job.id == job_id, Job.clinic_id == clinic_id)
            .where(Job.open.is_(True), Job.deleted_at.is_(None))
            .values(touched_at=self.database.time_in(0))
            .execution_options(synchronize_session=False)
        )
        with self.database.writing() as session:
            if not session.execute(touched).rowcount:
                raise _not_open(job_id)

    def abandon(self, upload: str) -> bool:
        """Give an upload up unless it is accepted. Returns: whether its files may go."""
        with self.database.writing() as session:
            job = session.scalar(select(Job).where(Job.upload == upload).with_for_update())
            if job is not None and job.accepted_at is not None:
                return False
            if job is not None and job.deleted_at is None:
                job.deleted_at = now()
            return True

    def abandon_silent(self, after_s: float) -> int:
        """Give up what is not accepted and gave no sign of life for so long: its receiver died.

        Returns: how many uploads.
        """
        with self.database.writing() as session:
            silent = update(Job).where(
                Job.accepted_at.is_(None),
                Job.deleted_at.is_(None),
                Job.touched_at < self.database.time_in(-after_s),
            )
            return session.execute(
                silent.values(deleted_at=now()).execution_options(synchronize_session=False)
            ).rowcount

    def _numbers(
        self, arriving: Arriving, already: int, images: Sequence[NewImage]
    ) -> list[Sequence[int]]:
        """For the upload's row, unless it is there already, and for these images."""
        wanted = (Job, 0 if already else 1), (Image, len(images))
        return reserve(self.database, arriving.clinic_id, *wanted)

    def _append(
        self,
        session: Session,
        arriving: Arriving,
        already: int,
        images: Sequence[NewImage],
        numbers: list[Sequence[int]],
    ) -> tuple[Job, int]:
        """The upload's row, locked, with these images after the `already` that it has.

        Returns: the row; how many images more wait.
        """
        of_job, of_images = numbers
        job = session.scalar(select(Job).where(Job.upload == arriving.upload).with_for_update())
        if job is None:
            if already:
                raise UploadAbandoned(ABANDONED)
            job = _new_job(session, arriving, of_job[0])
        elif job.deleted_at is not None:
            raise UploadAbandoned(ABANDONED)
        elif job.accepted_at is not None or job.total != already:
            return job, 0  # it was committed, and the answer was lost
        refused = sum(image.reason is not None for image in images)
        job.total += len(images)
        job.waiting += len(images) - refused
        job.rejected += refused
        job.started_with += refused
        job.touched_at = self.database.time_in(0)
        session.flush()
        for start in range(0, len(images), ROWS_PER_INSERT):
            end = start + ROWS_PER_INSERT
            _insert(session, job, of_images[start:end], images[start:end])
        return job, len(images) - refused


ABANDONED = "The upload was silent for too long and was discarded. Send it again."


def _new_job(session: Session, arriving: Arriving, number: int) -> Job:
    if arriving.part_of is not None:
        _open_job(session, arriving.part_of)
    job = Job(
        id=number,
        clinic_id=arriving.clinic_id,
        name="",
        upload=arriving.upload,
        part_of=arriving.part_of,
        urgent=arriving.urgent,
        status=JobStatus.RUNNING,
        total=0,
        waiting=0,
        rejected=0,
        started_with=0,
        created_at=now(),
    )
    session.add(job)
    session.flush()
    return job


def _insert(session: Session, job: Job, numbers: Sequence[int], images: Sequence[NewImage]) -> None:
    numbered = list(zip(numbers, images, strict=True))
    session.execute(
        insert(Image), [_image_values(number, image, job) for number, image in numbered]
    )
    names = [
        {"image_id": number, "clinic_id": job.clinic_id, "name": image.original_name}
        for number, image in numbered
        if image.original_name
    ]
    if names:
        session.execute(insert(OriginalName), names)


def _check_waiting(session: Session, arriving: Arriving, added: int) -> None:
    """The last step. Raises TooManyWaiting.

    Where there is room for all that may be on its way at once, uploads of a clinic do not wait for
    each other's commits.
    """
    most, clinic_id = arriving.max_waiting, arriving.clinic_id
    if added and most is not None and count_waiting(session, clinic_id) > most - ON_THEIR_WAY:
        check_room(session, clinic_id, added, most)


def _open_job(session: Session, job_id: int) -> Job:
    """The job, locked. Raises JobNotOpen."""
    job = session.get(Job, job_id, with_for_update=True)
    _check_open(job, job_id)
    return job


def _check_open(job: Job | None, job_id: int) -> None:
    """Raises JobNotOpen."""
    if job is None or job.deleted_at is not None or not job.open:
        raise _not_open(job_id)


def _is_accepted(session: Session, arriving: Arriving) -> bool:
    query = select(Job.accepted_at).where(Job.upload == arriving.upload)
    return session.scalar(query) is not None


def _not_open(job_id: int) -> JobNotOpen:
    return JobNotOpen(f"Job {job_id} is closed and takes no more files. Start a new job.")


def _accept(session: Session, job: Job, acceptance: Acceptance) -> None:
    job.name, job.urgent, job.open = acceptance.name[:200], acceptance.urgent, acceptance.open
    job.content_sha256 = acceptance.content_sha256
    job.idempotency_key = acceptance.idempotency_key
    job.accepted_at = now()
    job.revision += 1
    try:
        session.flush()
    except IntegrityError as error:
        if acceptance.idempotency_key is None:
            raise
        raise KeyTaken(
            "An upload with this Idempotency-Key arrived at the same time. Send it again."
        ) from error


def _move_images(session: Session, part: Job, to: Job) -> None:
    # Not the model and the labels: workers look for them, and write them, at the open job only.
    for table in (Image, Result):
        session.execute(
            update(table)
            .where(table.job_id == part.id)
            .values(job_id=to.id)
            .execution_options(synchronize_session=False)
        )
    for name in MOVING:
        setattr(to, name, getattr(to, name) + getattr(part, name))
        setattr(part, name, 0)
    to.started_at = to.started_at or part.started_at
    to.revision += 1
    part.status = JobStatus.COMPLETE


def _check_room(total: int, max_images: int | None) -> None:
    if max_images is not None and total > max_images:
        raise UploadTooLarge(
            f"With this upload the job would have more than {max_images} images, the most that a "
            "job may have. Start a new job for them.",
            "too_many_images",
        )


def _image_values(number: int, image: NewImage, job: Job) -> dict[str, Any]:
    refused = image.reason is not None
    arrived_at = now()
    return {
        "id": number,
        "clinic_id": job.clinic_id,
        "job_id": job.id,
        "filename": image.filename,
        "file_key": image.file_key,
        "size_bytes": image.size_bytes,
        "status": ImageStatus.REJECTED if refused else ImageStatus.WAITING,
        "reason": image.reason,
        "message": image.message,
        "created_at": arrived_at,
        "finished_at": arrived_at if refused else None,
    }
