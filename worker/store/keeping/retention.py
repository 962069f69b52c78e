"""Retention: how long a clinic's jobs and files are kept, and which jobs are held."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, delete, exists, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from worker.errors import JobHeld, JobNotFinished, NotFound
from worker.records.clinics import Retention, RetentionRecord
from worker.store.database import Database
from worker.store.rows import SHOWN, job_row, now
from worker.store.schema import Base, BigKey, Clinic, Image, Job, ResultMap

JOBS_AT_ONCE = 20


class RetentionRow(Base):
    """What `worker.records.clinics.Retention` says, for a clinic."""

    __tablename__ = "retention"

    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), primary_key=True)
    keep_files_days: Mapped[int | None]
    keep_pictures_days: Mapped[int | None]
    keep_maps_days: Mapped[int | None]
    keep_jobs_days: Mapped[int | None]


class Hold(Base):
    """A job that nobody deletes until it is released."""

    __tablename__ = "holds"

    job_id: Mapped[int] = mapped_column(BigKey, ForeignKey("jobs.id"), primary_key=True)
    placed_at: Mapped[datetime]


COLUMNS = {
    "files": RetentionRow.keep_files_days,
    "pictures": RetentionRow.keep_pictures_days,
    "maps": RetentionRow.keep_maps_days,
    "jobs": RetentionRow.keep_jobs_days,
}
# When all of a kind was deleted from a job that itself stays.
GONE_AT = {
    "files": Job.files_gone_at,
    "pictures": Job.pictures_gone_at,
    "maps": Job.maps_gone_at,
}


def is_held() -> ColumnElement[bool]:
    return exists().where(Hold.job_id == Job.id).correlate(Job)


class RetentionVerbs:
    database: Database

    def set_retention(self, clinic_id: int, keeps: Retention) -> None:
        values = {f"keep_{kind}_days": days for kind, days in asdict(keeps).items()}
        with self.database.writing() as session:
            session.merge(RetentionRow(clinic_id=clinic_id, **values))

    def retention(self, clinic_id: int | None = None) -> list[RetentionRecord]:
        """Of that clinic or of every one, by name."""
        query = (
            select(Clinic.id, Clinic.name, *COLUMNS.values())
            .outerjoin(RetentionRow, RetentionRow.clinic_id == Clinic.id)
            .order_by(Clinic.name)
        )
        if clinic_id is not None:
            query = query.where(Clinic.id == clinic_id)
        with self.database.reading() as session:
            return [
                RetentionRecord(number, name, Retention(**dict(zip(COLUMNS, days, strict=True))))
                for number, name, *days in session.execute(query)
            ]

    def held_jobs(self, clinic_id: int) -> list[tuple[int, str, datetime]]:
        """(number, name, since when) of the clinic's jobs that are held."""
        query = (
            select(Job.id, Job.name, Hold.placed_at)
            .join(Hold, Hold.job_id == Job.id)
            .where(Job.clinic_id == clinic_id, *SHOWN)
            .order_by(Job.id)
        )
        with self.database.reading() as session:
            return [tuple(row) for row in session.execute(query)]

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

    def due(self, kind: str) -> list[tuple[int, int, Retention]]:
        """(clinic, job, what the clinic keeps) of some jobs whose time is over for that kind."""
        found: list[tuple[int, int, Retention]] = []
        for clinic in self.retention():
            days = getattr(clinic.keeps, kind)
            if days is None:
                continue
            query = select(Job.id).where(
                *SHOWN,
                Job.clinic_id == clinic.clinic_id,
                Job.open.is_(False),
                Job.finished_at <= now() - timedelta(days=days),
                Job.running == 0,  # of a job that was cancelled, while workers finish some
                ~is_held(),
            )
            if (gone_at := GONE_AT.get(kind)) is not None:
                # A job that was worked on again since has new ones.
                query = query.where(or_(gone_at.is_(None), gone_at < Job.finished_at))
            with self.database.reading() as session:
                jobs = session.scalars(query.order_by(Job.id).limit(JOBS_AT_ONCE))
                found += [(clinic.clinic_id, job, clinic.keeps) for job in jobs]
        return found

    def forget_files(
        self, job_id: int, limit: int, pictures_stay: bool, remove: Callable[[list[str]], None]
    ) -> int:
        """Let up to `limit` images of a finished job have no file any more. Returns: how many.

        remove: is given their keys, and called before the rows forget them: whatever ends the
        process in between, the next round finds them again. Raises JobHeld, JobNotFinished.
        """
        kept = {"picture_key": Image.file_key} if pictures_stay else {}
        return self._forget(job_id, limit, Image.file_key, kept, remove)

    def forget_pictures(self, job_id: int, limit: int, remove: Callable[[list[str]], None]) -> int:
        """The same of pictures whose file is gone."""
        return self._forget(job_id, limit, Image.picture_key, {}, remove)

    def forget_maps(self, job_id: int, limit: int) -> int:
        """Delete the maps of up to `limit` images of a finished job. Returns: of how many.

        Raises JobHeld, JobNotFinished.
        """
        has_maps = exists().where(ResultMap.image_id == Image.id).correlate(Image)
        with self.database.writing() as session:
            _check_over(session, job_id)
            of_job = select(Image.id).where(Image.job_id == job_id, has_maps)
            ids = session.scalars(of_job.order_by(Image.id).limit(limit)).all()
            session.execute(
                delete(ResultMap)
                .where(ResultMap.image_id.in_(ids))
                .execution_options(synchronize_session=False)
            )
        return len(ids)

    def note_gone(self, job_id: int, kind: str) -> None:
        """All of that kind (`files`, `pictures`, `maps`) is gone, so it need not be looked for."""
        with self.database.writing() as session:
            session.execute(
                update(Job)
                .where(Job.id == job_id)
                .values({GONE_AT[kind].key: now()})
                .execution_options(synchronize_session=False)
            )

    def _forget(
        self,
        job_id: int,
        limit: int,
        key: InstrumentedAttribute,
        also: dict[str, object],
        remove: Callable[[list[str]], None],
    ) -> int:
        with self.database.writing() as session:
            # Images before their job, as workers do: avoids deadlock.
            rows = session.execute(
                select(Image.id, key.label("key"))
                .where(Image.job_id == job_id, key.is_not(None))
                .order_by(Image.id)
                .limit(limit)
                .with_for_update()
            ).all()
            _check_over(session, job_id)
            remove([row.key for row in rows])
            session.execute(
                update(Image)
                .where(Image.id.in_([row.id for row in rows]))
                .values({key.key: None} | also)
                .execution_options(synchronize_session=False)
            )
        return len(rows)


def check_not_held(session: Session, job_id: int) -> None:
    """Raises JobHeld. The caller has locked the job."""
    if session.get(Hold, job_id) is not None:
        raise JobHeld(
            f"Job {job_id} is held: neither it nor its images can be deleted until it is released."
        )


def _check_over(session: Session, job_id: int) -> None:
    """Lock the job. Raises JobHeld, JobNotFinished: since it was found, it may have been held,
    resumed or retried."""
    job = session.get(Job, job_id, with_for_update=True)
    if job is None or job.finished_at is None or job.running:
        raise JobNotFinished(f"Job {job_id} is worked on again.")
    check_not_held(session, job_id)
