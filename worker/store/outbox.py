"""Images that wait for a worker to wake up.

The image's row is the outbox: it exists before a message, and a message can be lost without the row
being lost.
"""

from sqlalchemy import func, select

from worker.records import ImageStatus
from worker.store.database import Database
from worker.store.schema import Image, status_is


class OutboxVerbs:
    database: Database

    def waiting(self, limit: int) -> int:
        """How many images wait, counted up to `limit`."""
        in_turn = (Image.clinic_id, Image.urgent.desc(), Image.id)  # as their index has them
        waiting = select(Image.id).where(status_is(ImageStatus.WAITING)).order_by(*in_turn)
        some = waiting.limit(limit).subquery()
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(some)) or 0
