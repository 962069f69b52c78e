"""Return the images of expired leases and of dead workers to the queue.

An image that was in hand may be what killed the worker, so `worker.store.work.turns` gives it to
the next one alone, and after `max_attempts` it is given up.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, or_, select, update
from sqlalchemy.orm import Session

from worker.records.images import ImageStatus
from worker.records.jobs import JobStatus
from worker.store.counters import move
from worker.store.database import Database
from worker.store.rows import now
from worker.store.schema import NOT_HELD, Image, Job, Worker, status_is

GAVE_UP_REASON = "worker_died"
GAVE_UP_MESSAGE = (
    "The program stopped {attempts} times while working on this file, so it was given up. "
    "Check that the file opens elsewhere, then upload it again."
)


class LeaseVerbs:
    database: Database

    def take_back_expired(self, max_attempts: int) -> Counter:
        """Give the images of silent workers back, or up after `max_attempts` tries.

        A lease that ends later than twice its own length from now was written before the clock was
        set back, so it counts as expired. One that ran out while this verb waited for a lock does
        not: its worker may have waited for the same lock. Images of a job that was cancelled
        meanwhile are cancelled. Returns: how many images went to each status.
        """
        began = self.database.time_of_call()
        with self.database.writing() as session:
            left_s = self.database.seconds_until(Image.lease_until)
            expired = _held().where(or_(Image.lease_until < began, left_s > 2 * Image.lease_s))
            return _take_back(
                session, expired.with_for_update(skip_locked=True, of=Image), max_attempts
            )

    def take_back_from(self, worker_id: str, max_attempts: int) -> Counter:
        """The same at once for all that a worker held that has died. Returns: as above."""
        with self.database.writing() as session:
            held = _held().where(Image.lease_holder == worker_id)
            # Not skipped when locked: the database may not have noticed the death yet.
            taken = _take_back(
                session, held.order_by(Image.id).with_for_update(of=Image), max_attempts
            )
            session.execute(delete(Worker).where(Worker.id == worker_id))
            return taken


def _held() -> Select:
    return (
        select(Image.id, Image.job_id, Image.attempts, Job.status)
        .join(Job, Job.id == Image.job_id)
        .where(status_is(ImageStatus.RUNNING))
    )


def _take_back(session: Session, images: Select, max_attempts: int) -> Counter:
    taken: Counter = Counter()
    changes: dict[int, Counter] = defaultdict(Counter)
    found: Sequence[Row] = session.execute(images).all()
    for row in found:
        values = _after_expiry(row.attempts, row.status, max_attempts)
        session.execute(
            update(Image)
            .where(Image.id == row.id)
            .values(**NOT_HELD, **values)
            .execution_options(synchronize_session=False)
        )
        taken[values["status"]] += 1
        changes[row.job_id].update({"running": -1, values["status"].value: 1})
    for job_id in sorted(changes):
        move(session, job_id, changes[job_id])
    return taken


def _after_expiry(attempts: int, job_status: JobStatus, max_attempts: int) -> dict[str, Any]:
    if job_status is JobStatus.CANCELLED:
        return {"status": ImageStatus.CANCELLED, "finished_at": now()}
    if attempts < max_attempts:
        return {"status": ImageStatus.WAITING}
    return {
        "status": ImageStatus.FAILED,
        "reason": GAVE_UP_REASON,
        "message": GAVE_UP_MESSAGE.format(attempts=attempts),
        "finished_at": now(),
    }
