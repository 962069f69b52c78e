"""Delete jobs and images: nobody sees them after the answer. `removal` deletes their rows.

Deleted images move to a job of their own, which is deleted: so nothing that lists, counts or claims
images has to know of them.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from worker.audit import AuditEvent
from worker.records.jobs import JobStatus
from worker.store.audit import add_entries
from worker.store.counters import move
from worker.store.database import Database
from worker.store.keeping.retention import check_not_held
from worker.store.numbers import reserve
from worker.store.rows import SHOWN, job_row, now
from worker.store.schema import Image, Job, Result, Review


class DeletionVerbs:
    database: Database

    def delete_job(self, clinic_id: int, job_id: int, entries: Sequence[AuditEvent] = ()) -> None:
        """From now on the job is gone for everybody, and no worker begins on its images; its rows
        and files are removed behind. Its key is free again. entries: of the audit trail, written
        with it or not at all. Raises NotFound, JobHeld."""
        with self.database.writing() as session:
            job_row(session, clinic_id, job_id, lock=True)
            check_not_held(session, job_id)
            # Parts have higher numbers than their job, so rows are locked in the order of all.
            session.execute(
                update(Job)
                .where(or_(Job.id == job_id, Job.part_of == job_id))
                .values(deleted_at=now(), idempotency_key=None)
                .execution_options(synchronize_session=False)
            )
            if entries:
                add_entries(session, entries)

    def delete_images(self, clinic_id: int, image_ids: Sequence[int]) -> int:
        """The same for those of these images that the clinic has; their jobs stay, without them.

        Returns: how many. Raises JobHeld when one of the jobs is held; then none is deleted.
        """
        [[number]] = reserve(self.database, clinic_id, (Job, 1))
        with self.database.writing() as session:
            # Images before their jobs, and jobs in order of id, as workers do: avoids deadlock.
            found = session.execute(
                select(Image.id, Image.job_id, Image.status)
                .join(Job, Job.id == Image.job_id)
                .where(Image.id.in_(image_ids), Image.clinic_id == clinic_id, *SHOWN)
                .order_by(Image.id)
                .with_for_update(of=Image)
            ).all()
            if not found:
                return 0
            counts: dict[int, Counter] = defaultdict(Counter)
            for image in found:
                counts[image.job_id][image.status.value] += 1
            for job_id in sorted(counts):
                _take_away(session, clinic_id, job_id, counts[job_id])
            _move(session, [image.id for image in found], _bin(number, clinic_id, len(found)))
            return len(found)


def _take_away(session: Session, clinic_id: int, job_id: int, counts: Counter) -> None:
    """Take deleted images out of the counters of their job. Raises JobHeld, NotFound."""
    job = job_row(session, clinic_id, job_id, lock=True)
    check_not_held(session, job_id)
    changes = {status: -count for status, count in counts.items()}
    move(session, job_id, Counter(changes | {"total": -counts.total()}))
    session.refresh(job)
    # Of what was finished before work began; less than that would be a negative speed.
    job.started_with = min(job.started_with, job.done + job.rejected + job.failed)


def _bin(number: int, clinic_id: int, total: int) -> Job:
    """A deleted job for deleted images."""
    at = now()
    return Job(
        id=number,
        clinic_id=clinic_id,
        name="",
        urgent=False,
        status=JobStatus.CANCELLED,
        total=total,
        waiting=0,
        created_at=at,
        accepted_at=at,
        deleted_at=at,
    )


def _move(session: Session, image_ids: Sequence[int], to: Job) -> None:
    session.add(to)
    session.flush()
    for table, number in ((Image, Image.id), (Result, Result.image_id), (Review, Review.image_id)):
        session.execute(
            update(table)
            .where(number.in_(image_ids))
            .values(job_id=to.id)
            .execution_options(synchronize_session=False)
        )
