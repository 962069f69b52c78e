"""How long a clinic's jobs and files are kept, and which jobs stay whatever that says."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, delete, exists, select, update
from sqlalchemy.orm import Mapped, mapped_column

from worker.errors import NotFound
from worker.records import RetentionRecord
from worker.store.database import Database
from worker.store.rows import SHOWN, job_row, now
from worker.store.schema import Base, BigKey, Clinic, Image, Job

JOBS_AT_ONCE = 20


class Retention(Base):
    """Days after which a clinic's finished jobs, and before that their files, go; empty: never."""

    __tablename__ = "retention"

    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), primary_key=True)
    keep_files_days: Mapped[int | None]
    keep_jobs_days: Mapped[int | None]


class Hold(Base):
    """A job that nobody deletes until it is released."""

    __tablename__ = "holds"

    job_id: Mapped[int] = mapped_column(BigKey, ForeignKey("jobs.id"), primary_key=True)
    placed_at: Mapped[datetime]


def is_held() -> ColumnElement[bool]:
    return exists().where(Hold.job_id == Job.id).correlate(Job)


class RetentionVerbs:
    database: Database

    def set_retention(
        self, clinic_id: int, keep_files_days: int | None, keep_jobs_days: int | None
    ) -> None:
        with self.database.writing() as session:
            session.execute(delete(Retention).where(Retention.clinic_id == clinic_id))
            session.add(
                Retention(
                    clinic_id=clinic_id,
                    keep_files_days=keep_files_days,
                    keep_jobs_days=keep_jobs_days,
                )
            )

    def retention(self) -> list[RetentionRecord]:
        """Of every clinic, by name."""
        query = (
            select(Clinic.id, Clinic.name, Retention.keep_files_days, Retention.keep_jobs_days)
            .outerjoin(Retention, Retention.clinic_id == Clinic.id)
            .order_by(Clinic.name)
        )
        with self.database.reading() as session:
            return [RetentionRecord(*row) for row in session.execute(query)]

    def hold_job(self, clinic_id: int, job_id: int) -> None:
        """Keep a job until it is released; one that is held stays so. Raises NotFound."""
        with self.database.writing() as session:
            job_row(session, clinic_id, job_id, lock=True)
            if session.get(Hold, job_id) is None:
                session.add(Hold(job_id=job_id, placed_at=now()))

    def release_job(self, clinic_id: int, job_id: int) -> None:
        """Raises NotFound when there is no such job, or it is not held."""
        with self.database.writing() as session:
            job_row(session, clinic_id, job_id, lock=True)
            if not session.execute(delete(Hold).where(Hold.job_id == job_id)).rowcount:
                raise NotFound(f"Job {job_id} is not held.")

    def due_jobs(self) -> list[tuple[int, int]]:
        """(clinic, job) of some jobs whose time is over."""
        return self._due("keep_jobs_days")

    def due_files(self) -> list[tuple[int, int]]:
        """(clinic, job) of some jobs whose files' time is over, and that still have some."""
        has_files = exists().where(Image.job_id == Job.id, Image.file_key.is_not(None))
        return self._due("keep_files_days", has_files.correlate(Job))

    def forget_files(self, job_id: int, limit: int) -> list[str]:
        """Let up to `limit` images of a finished job have no file any more. Returns: their keys."""
        with self.database.writing() as session:
            rows = session.execute(
                select(Image.id, Image.file_key)
                .where(Image.job_id == job_id, Image.file_key.is_not(None))
                .order_by(Image.id)
                .limit(limit)
                .with_for_update()
            ).all()
            session.execute(
                update(Image)
                .where(Image.id.in_([row.id for row in rows]))
                .values(file_key=None)
                .execution_options(synchronize_session=False)
            )
        return [row.file_key for row in rows]

    def _due(self, setting: str, *more: ColumnElement[bool]) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for clinic in self.retention():
            days = getattr(clinic, setting)
            if days is None:
                continue
            query = select(Job.id).where(
                *SHOWN,
                Job.clinic_id == clinic.clinic_id,
                Job.open.is_(False),
                Job.finished_at <= now() - timedelta(days=days),
                ~is_held(),
                *more,
            )
            with self.database.reading() as session:
                jobs = session.scalars(query.order_by(Job.id).limit(JOBS_AT_ONCE))
                found += [(clinic.clinic_id, job) for job in jobs]
        return found
