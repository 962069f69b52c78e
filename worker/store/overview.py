"""Statistics of all clinics, for operators; and how many images of a clinic wait."""

from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from worker.errors import TooManyWaiting
from worker.records.clinics import ClinicNumbers, ReasonNumbers, WaitingNumbers
from worker.records.images import ImageStatus
from worker.store.database import Database, take_turns
from worker.store.keeping.retention import RetentionRow
from worker.store.rows import SHOWN
from worker.store.schema import HAS_WAITING, Clinic, Image, Job, status_is

# Transactions of one clinic take turns by this and its number.
ROOM_OF_CLINICS = 2026_1126_0000_0000


class OverviewVerbs:
    database: Database

    def clinics_overview(self) -> list[ClinicNumbers]:
        """Every clinic, by name."""
        days = (RetentionRow.keep_files_days, RetentionRow.keep_jobs_days)
        columns = (Job.total, Job.waiting, Job.running, Job.failed, Job.rejected)
        query = (
            select(
                Clinic.name,
                func.count(Job.id),
                *(func.coalesce(func.sum(column), 0) for column in columns),
                func.max(Job.accepted_at),
                *days,
            )
            .outerjoin(RetentionRow, RetentionRow.clinic_id == Clinic.id)
            .outerjoin(Job, and_(Job.clinic_id == Clinic.id, *SHOWN))
            .group_by(Clinic.id, *days)
            .order_by(Clinic.name)
        )
        with self.database.reading() as session:
            return [ClinicNumbers(*row) for row in session.execute(query)]

    def waiting_overview(self) -> list[WaitingNumbers]:
        """What waits, by clinic, urgent images first; also what is just arriving."""
        oldest = (
            select(func.min(Image.created_at))
            .where(Image.job_id == Job.id, status_is(ImageStatus.WAITING))
            .correlate(Job)
            .scalar_subquery()
        )
        query = (
            select(Clinic.name, Job.urgent, func.sum(Job.waiting), func.min(oldest))
            .join(Clinic, Clinic.id == Job.clinic_id)
            .where(HAS_WAITING, Job.deleted_at.is_(None))
            .group_by(Clinic.name, Job.urgent)
            .order_by(Clinic.name, Job.urgent.desc())
        )
        with self.database.reading() as session:
            found = session.execute(query).all()
        # Counters and rows move together, yet this reads several jobs one after the other.
        return [WaitingNumbers(*row) for row in found if row[3] is not None]

    def reasons_overview(self, since: datetime) -> list[ReasonNumbers]:
        """Why images of jobs uploaded after `since` failed or were rejected, the most first."""
        query = (
            select(
                Image.status,
                Image.reason,
                func.count().label("images"),
                func.count(func.distinct(Image.clinic_id)),
            )
            .join(Job, Job.id == Image.job_id)
            .where(
                *SHOWN,
                Job.accepted_at >= since,
                Job.failed + Job.rejected > 0,
                Image.status.in_([ImageStatus.FAILED, ImageStatus.REJECTED]),
                Image.reason.is_not(None),
            )
            .group_by(Image.status, Image.reason)
            .order_by(Image.status, func.count().desc(), Image.reason)
        )
        with self.database.reading() as session:
            return [ReasonNumbers(*row) for row in session.execute(query)]

    def check_room(self, clinic_id: int, max_waiting: int) -> None:
        """Raises TooManyWaiting when as many images of the clinic wait as may."""
        with self.database.reading() as session:
            waiting = count_waiting(session, clinic_id)
        if waiting >= max_waiting:
            raise _too_many(waiting, 1, max_waiting)


def check_room(session: Session, clinic_id: int, added: int, max_waiting: int) -> None:
    """The last step of a transaction that let `added` images of the clinic wait.

    Raises TooManyWaiting when more wait now than may. Nobody else gets past this for the clinic
    before the transaction ends, so that two together do not exceed the limit either.
    """
    take_turns(session, ROOM_OF_CLINICS + clinic_id)
    waiting = count_waiting(session, clinic_id)
    if waiting > max_waiting:
        raise _too_many(waiting - added, added, max_waiting)


def count_waiting(session: Session, clinic_id: int) -> int:
    """How many images of the clinic wait, with those that this transaction lets wait."""
    return session.scalar(
        select(func.coalesce(func.sum(Job.waiting), 0)).where(
            Job.clinic_id == clinic_id, HAS_WAITING, Job.deleted_at.is_(None)
        )
    )


def _too_many(waiting: int, more: int, max_waiting: int) -> TooManyWaiting:
    return TooManyWaiting(
        f"{waiting:,} images of your clinic wait, {more:,} would be added, and at most "
        f"{max_waiting:,} may wait. Try again when some of them are classified, or with fewer "
        "images."
    )
