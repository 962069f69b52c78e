"""Images that wait for a worker to wake up, and leases that ran out.

The image's row is the outbox: it exists before a message, and a message can be lost without the row
being lost.
"""

from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import func, or_, select, update

from worker.records import ImageStatus, JobStatus
from worker.store.counters import move
from worker.store.database import Database
from worker.store.rows import now
from worker.store.schema import Image, Job, status_is

GAVE_UP_REASON = "worker_died"
GAVE_UP_MESSAGE = (
    "The program stopped {attempts} times while working on this file, so it was given up. "
    "Check that the file opens elsewhere, then upload it again."
)


class OutboxVerbs:
    database: Database

    def waiting(self, limit: int) -> int:
        """How many images wait, counted up to `limit`."""
        in_turn = (Image.clinic_id, Image.urgent.desc(), Image.id)  # as their index has them
        waiting = select(Image.id).where(status_is(ImageStatus.WAITING)).order_by(*in_turn)
        some = waiting.limit(limit).subquery()
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(some)) or 0

    def take_back_expired(self, max_attempts: int, lease_s: float) -> Counter:
        """Give the images of silent workers back, or up after `max_attempts` tries.

        A lease that ends later than two of `lease_s` from now was written before the clock was set
        back, so it counts as expired. Images of a job that was cancelled meanwhile are cancelled.
        Returns: how many images went to each status.
        """
        taken: Counter = Counter()
        changes: dict[int, Counter] = defaultdict(Counter)
        with self.database.writing() as session:
            expired = session.execute(
                select(Image.id, Image.job_id, Image.attempts, Job.status)
                .join(Job, Job.id == Image.job_id)
                .where(
                    status_is(ImageStatus.RUNNING),
                    or_(
                        Image.lease_until < self.database.time_in(0),
                        Image.lease_until > self.database.time_in(2 * lease_s),
                    ),
                )
                .with_for_update(skip_locked=True, of=Image)
            ).all()
            for row in expired:
                values = _after_expiry(row.attempts, row.status, max_attempts)
                session.execute(
                    update(Image)
                    .where(Image.id == row.id)
                    .values(lease_token=None, lease_until=None, **values)
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
