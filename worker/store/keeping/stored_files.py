"""The stored files of all clinics, for commands that check or encrypt them."""

from collections.abc import Iterator

from sqlalchemy import func, select

from worker.store.database import Database
from worker.store.schema import Image

CHUNK = 1000
KEY = func.coalesce(Image.file_key, Image.picture_key)


class StoredFileVerbs:
    database: Database

    def stored_keys(self) -> Iterator[str]:
        """The key of every image that has a file, or still has a picture of it, in chunks."""
        after = 0
        while True:
            query = select(Image.id, KEY.label("key")).where(Image.id > after, KEY.is_not(None))
            with self.database.reading() as session:
                rows = session.execute(query.order_by(Image.id).limit(CHUNK)).all()
            yield from (row.key for row in rows)
            if len(rows) < CHUNK:
                return
            after = rows[-1].id

    def stored_bytes(self, clinic_id: int) -> int:
        """How much the X-rays of a clinic take, as they were sent."""
        query = select(func.coalesce(func.sum(Image.size_bytes), 0))
        with self.database.reading() as session:
            return session.scalar(
                query.where(Image.clinic_id == clinic_id, Image.file_key.is_not(None))
            )

    def count_stored_keys(self) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).where(KEY.is_not(None)))
