"""Signs of life of worker processes, and the renewal of their leases."""

from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, or_, select, update

from worker.records.images import ImageStatus, ResultRole
from worker.records.work import WorkerNumbers, WorkerRecord
from worker.store.database import Database
from worker.store.schema import Image, Worker, status_is

# Between two signs of life; a worker that holds images may be silent as long as its leases run.
SILENT_AFTER_S = 15.0
MAX_WAIT_S = 2.0


class WorkerVerbs:
    database: Database

    def register_worker(self, worker: WorkerRecord) -> None:
        """This process is up. Doing it twice does no harm."""
        with self.database.writing() as session:
            session.merge(Worker(**vars(worker), seen_at=self.database.time_in(0)))

    def beat(
        self,
        worker_id: str,
        lease_s: float,
        processed: int = 0,
        images_per_second: float | None = None,
    ) -> bool:
        """A sign of life: what the worker holds is its for `lease_s` seconds from now.

        processed, images_per_second: as `WorkerNumbers` has them.
        Returns: whether the worker is known; if not, it has to register again.
        """
        held = (
            select(Image.id)
            .where(status_is(ImageStatus.RUNNING), Image.lease_holder == worker_id)
            # A row that is locked is being saved, deleted or taken back: waiting for it could
            # deadlock, and it needs no lease any more.
            .with_for_update(skip_locked=True)
        )
        with self.database.noting() as session:
            ids = session.scalars(held).all()
            if ids:
                session.execute(
                    update(Image)
                    .where(Image.id.in_(ids))
                    .values(lease_until=self.database.time_in(lease_s), lease_s=lease_s)
                    .execution_options(synchronize_session=False)
                )
            seen = session.execute(
                update(Worker)
                .where(Worker.id == worker_id)
                .values(
                    seen_at=self.database.time_in(0),
                    processed=processed,
                    images_per_second=images_per_second,
                )
                .execution_options(synchronize_session=False)
            )
            return seen.rowcount > 0

    def forget_worker(self, worker_id: str) -> None:
        """It ended, and holds nothing."""
        with self.database.writing() as session:
            session.execute(delete(Worker).where(Worker.id == worker_id))

    def forget_silent_workers(self, older_than_s: float) -> int:
        """Delete the rows of workers that ended without a word. Returns: how many."""
        with self.database.writing() as session:
            return session.execute(
                delete(Worker).where(Worker.seen_at < self.database.time_in(-older_than_s))
            ).rowcount

    def workers_up(self) -> list[WorkerRecord]:
        """The workers that are alive: seen lately, or busy with images whose leases run. Without
        the shadow model's, which makes no image's result.

        Raises OperationalError when a table is locked for MAX_WAIT_S: pages ask for this.
        """
        with self.database.reading(max_wait_s=MAX_WAIT_S) as session:
            rows = session.scalars(
                select(Worker)
                .where(
                    Worker.role == ResultRole.ACTIVE,
                    or_(self._seen_lately(), self._holds_images()),
                )
                .order_by(Worker.started_at, Worker.id)
            )
            return [WorkerRecord(**_identity(row)) for row in rows]

    def workers_overview(self) -> list[WorkerNumbers]:
        """Every process that is known, the silent ones and the shadow model's included."""
        is_up = or_(self._seen_lately(), self._holds_images())
        query = select(Worker, is_up).order_by(Worker.host, Worker.started_at, Worker.id)
        with self.database.reading(max_wait_s=MAX_WAIT_S) as session:
            return [
                WorkerNumbers(
                    **_identity(row),
                    seen_at=row.seen_at,
                    processed=row.processed,
                    images_per_second=row.images_per_second,
                    is_up=bool(up),
                )
                for row, up in session.execute(query)
            ]

    def _seen_lately(self) -> ColumnElement[bool]:
        # In either direction: the clock may have been set back since.
        return Worker.seen_at.between(
            self.database.time_in(-SILENT_AFTER_S), self.database.time_in(SILENT_AFTER_S)
        )

    def _holds_images(self) -> ColumnElement[bool]:
        return exists().where(
            status_is(ImageStatus.RUNNING),
            Image.lease_holder == Worker.id,
            Image.lease_until > self.database.time_in(0),
        )


def _identity(row: Worker) -> dict[str, Any]:
    """What a `WorkerRecord` holds; its fields are columns."""
    return {field.name: getattr(row, field.name) for field in fields(WorkerRecord)}
