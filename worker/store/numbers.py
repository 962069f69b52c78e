"""Numbers of rows, counted by clinic: its own tell a clinic nothing about the rows of others."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, CheckConstraint, String, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from worker.store.database import Database
from worker.store.schema import Base

# The second clinic's numbers begin after so many, the third's after twice as many. Those of 900,000
# clinics are exact in JavaScript, which counts to 2**53.
PER_CLINIC = 10**10
# Operators, who belong to no clinic, are numbered with the first one's people and tokens.
FIRST_CLINIC = 1


class Number(Base):
    """How many numbers for rows of one table (`kind`) a clinic has used; none is used twice."""

    __tablename__ = "numbers"
    # Refused by the database, or a clinic would use the next one's.
    __table_args__ = (CheckConstraint(f"last <= {PER_CLINIC}", name="numbers_of_one_clinic"),)

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    clinic_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(BigInteger)


_TAKE = text(
    "INSERT INTO numbers (kind, clinic_id, last) VALUES (:kind, :clinic_id, :count) "
    "ON CONFLICT (kind, clinic_id) DO UPDATE SET last = numbers.last + excluded.last "
    "RETURNING last"
)


def last_of(clinic_id: int) -> int:
    """The highest number that a row of the clinic can have; those of the next one are above it."""
    return clinic_id * PER_CLINIC


def reserve(
    database: Database, clinic_id: int, *wanted: tuple[type[Base], int]
) -> list[Sequence[int]]:
    """Numbers for a transaction that begins after this: by table, as many as wanted, ascending.

    For uploads, since many may arrive at once: nobody waits until the rows of another are written.
    Those that come to nothing leave a gap.
    """
    if not any(count for _, count in wanted):
        return [range(0) for _ in wanted]
    with database.noting() as session:
        if database.url.get_backend_name() != "sqlite":
            # The commit of the rows comes later in the log, and waits until both are on the disk.
            session.execute(text("SET LOCAL synchronous_commit = off"))
        return [_take(session, table, clinic_id, count) for table, count in wanted]


def take_number(session: Session, table: type[Base], clinic_id: int | None) -> int:
    """The id of a new row of a clinic, or of an operator's (None); the clinic's others wait until
    the transaction ends."""
    return _take(session, table, clinic_id, 1)[0]


def _take(session: Session, table: type[Base], clinic_id: int | None, count: int) -> Sequence[int]:
    if not count:
        return range(0)
    clinic_id = clinic_id or FIRST_CLINIC
    values = {"kind": table.__tablename__, "clinic_id": clinic_id, "count": count}
    last = last_of(clinic_id - 1) + session.execute(_TAKE, values).scalar_one()
    return range(last - count + 1, last + 1)
