"""Numbers of all clinics, and how much of one waits."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from worker.errors import TooManyWaiting
from worker.records import ClinicNumbers
from worker.store.database import Database
from worker.store.rows import SHOWN
from worker.store.schema import HAS_WAITING, Clinic, Job


class OverviewVerbs:
    database: Database

    def clinics_overview(self) -> list[ClinicNumbers]:
        """Every clinic, by name."""
        columns = (Job.total, Job.waiting, Job.running, Job.failed)
        query = (
            select(
                Clinic.name,
                func.count(Job.id),
                *(func.coalesce(func.sum(column), 0) for column in columns),
                func.max(Job.accepted_at),
            )
            .outerjoin(Job, (Job.clinic_id == Clinic.id) & SHOWN[0] & SHOWN[1] & SHOWN[2])
            .group_by(Clinic.id)
            .order_by(Clinic.name)
        )
        with self.database.reading() as session:
            return [ClinicNumbers(*row) for row in session.execute(query)]

    def check_room(self, clinic_id: int, max_waiting: int) -> None:
        """Raises TooManyWaiting when as many images of the clinic wait as may."""
        with self.database.reading() as session:
            check_room(session, clinic_id, 1, max_waiting)


def check_room(session: Session, clinic_id: int, more: int, max_waiting: int) -> None:
    """Raises TooManyWaiting when with `more` images too many of the clinic would wait."""
    waiting = session.scalar(
        select(func.coalesce(func.sum(Job.waiting), 0)).where(
            Job.clinic_id == clinic_id, HAS_WAITING, Job.deleted_at.is_(None)
        )
    )
    if waiting + more > max_waiting:
        raise TooManyWaiting(
            f"{waiting:,} images of your clinic wait already, and at most {max_waiting:,} may. "
            "Send more when some of them are classified."
        )
