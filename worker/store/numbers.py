"""Ids of rows, counted per clinic, so that they reveal nothing about other clinics."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import BigInteger, CheckConstraint, Connection, String, TextClause, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from worker.store.database import Database
from worker.store.schema import Base

# The second clinic's numbers begin after so many, the third's after twice as many. Those of 900,000
# clinics are exact in JavaScript, which counts to 2**53.
PER_CLINIC = 10**10
# Operators, who belong to no clinic, are numbered with the first one's people and tokens.
FIRST_CLINIC = 1
COLUMNS = "kind, last"


class Number(Base):
    """How many numbers for rows of one table (`kind`) a clinic has used; none is used twice."""

    __tablename__ = "numbers"
    # Refused by the database, or a clinic would use the next one's.
    __table_args__ = (CheckConstraint(f"last <= {PER_CLINIC}", name="numbers_of_one_clinic"),)

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    clinic_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(BigInteger)


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
    asked = [(table, count) for table, count in wanted if count]
    found: dict[type[Base], Sequence[int]] = {}
    if asked:
        columns = COLUMNS
        if database.url.get_backend_name() != "sqlite":
            # The commit of the rows comes later in the log, and waits until both are on the disk.
            columns += ", set_config('synchronous_commit', 'off', true)"
        with database.at_once() as connection:
            found = _take(connection, clinic_id, asked, columns)
    return [found.get(table, range(0)) for table, _ in wanted]


def take_number(session: Session, table: type[Base], clinic_id: int | None) -> int:
    """The id of a new row of a clinic, or of an operator's (None); the clinic's others wait until
    the transaction ends."""
    (number,) = _take(session.connection(), clinic_id or FIRST_CLINIC, [(table, 1)])[table]
    return number


def _take(
    connection: Connection,
    clinic_id: int,
    asked: Sequence[tuple[type[Base], int]],
    columns: str = COLUMNS,
) -> dict[type[Base], Sequence[int]]:
    """By table, in one statement."""
    values: dict[str, str | int] = {"clinic_id": clinic_id}
    for place, (table, count) in enumerate(asked):
        values |= {f"kind_{place}": table.__tablename__, f"count_{place}": count}
    rows = connection.execute(_taking(len(asked), columns), values)
    last = {row.kind: last_of(clinic_id - 1) + row.last for row in rows}
    return {
        table: range(last[table.__tablename__] - count + 1, last[table.__tablename__] + 1)
        for table, count in asked
    }


@cache
def _taking(kinds: int, columns: str) -> TextClause:
    rows = ", ".join(f"(:kind_{place}, :clinic_id, :count_{place})" for place in range(kinds))
    return text(
        f"INSERT INTO numbers (kind, clinic_id, last) VALUES {rows} "  # noqa: S608 - no input
        "ON CONFLICT (kind, clinic_id) DO UPDATE SET last = numbers.last + excluded.last "
        f"RETURNING {columns}"
    )
