"""Messages that are still to be sent, and leases that ran out.

The image's row is the outbox: it exists before its message, and the message can be lost without
the row being lost.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select, update

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

    def unsent(self, limit: int, job_id: int | None = None) -> list[int]:
        """Ids of waiting images whose message was never sent, oldest first."""
        query = select(Image.id).where(status_is(ImageStatus.WAITING), Image.sent_at.is_(None))
        if job_id is not None:
            query = query.where(Image.job_id == job_id)
        with self.database.reading() as session:
            return list(session.scalars(query.order_by(Image.sent_at, Image.id).limit(limit)))

    def stale(self, older_than_s: float, limit: int) -> list[int]:
        """Ids of waiting images whose message was sent that long ago, oldest first.

        Or will be: a clock that was set back must not hide them.
        """
        moment, age = now(), timedelta(seconds=older_than_s)
        found: list[int] = []
        with self.database.reading() as session:
            # Two queries: with an OR between them, planners leave the index.
            for long_ago in (Image.sent_at < moment - age, Image.sent_at > moment + age):
                found += session.scalars(
                    select(Image.id)
                    .where(status_is(ImageStatus.WAITING), long_ago)
                    .order_by(Image.sent_at, Image.id)
                    .limit(limit - len(found))
                )
        return found

    def mark_sent(self, image_ids: Sequence[int]) -> None:
        if not image_ids:
            return
        with self.database.writing() as session:
            session.execute(
                update(Image)
                .where(Image.id.in_(image_ids))
                .values(sent_at=now())
                .execution_options(synchronize_session=False)
            )

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
        return {"status": ImageStatus.WAITING, "sent_at": None}
    return {
        "status": ImageStatus.FAILED,
        "reason": GAVE_UP_REASON,
        "message": GAVE_UP_MESSAGE.format(attempts=attempts),
        "finished_at": now(),
    }
