"""Images that wait for a worker to wake up.

The image's row is the outbox: it exists before a message, and a message can be lost without the row
being lost.
"""

from sqlalchemy import func, select

from worker.store.database import Database
from worker.store.schema import HAS_WAITING, Job
from worker.store.work.turns import IS_ROOT, JOBS, ROOTS


class OutboxVerbs:
    database: Database

    def waiting(self, limit: int) -> int:
        """How many images wait, counted up to `limit`."""
        waiting = select(func.sum(Job.waiting)).where(HAS_WAITING, Job.deleted_at.is_(None))
        with self.database.reading() as session:
            return min(session.scalar(waiting) or 0, limit)

    def models_waited_for(self) -> set[str]:
        """The models of begun jobs that have images waiting: other workers leave these alone."""
        waiting = (
            select(ROOTS.c.model)
            .join(JOBS, IS_ROOT)
            .where(HAS_WAITING, JOBS.c.deleted_at.is_(None), ROOTS.c.model.is_not(None))
        )
        with self.database.reading() as session:
            return set(session.scalars(waiting.distinct()))
