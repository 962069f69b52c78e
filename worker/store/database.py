"""Connections to SQLite and PostgreSQL, and the transactions that the store works in."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Insert,
    Interval,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    literal,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from worker.errors import SettingsError

BUSY_TIMEOUT_S = 30
CONNECT_LIMIT = {"connect_timeout": 10}  # seconds
SECONDS_PER_DAY = 86_400
SQLITE = {"journal_mode": "WAL", "synchronous": "FULL", "foreign_keys": "ON"}


class Database:
    """One address, four kinds of transaction: `writing`, `noting`, `reading`, and statements that
    are each one of their own (`at_once`).

    SQLite gets BEGIN IMMEDIATE for writers, so that they queue for the lock instead of failing when
    they would upgrade a read, and a second engine for readers, which never wait for a writer (WAL).
    PostgreSQL uses one engine for both.
    """

    def __init__(self, url: str) -> None:
        self.url = _address(url)
        if self.url.get_backend_name() == "sqlite":
            Path(self.url.database or "").parent.mkdir(parents=True, exist_ok=True)
            self._writer = _sqlite_engine(url, begin="BEGIN IMMEDIATE")
            # Nor does it move the log into the database, which waits for the disk: others do that.
            notes = {"synchronous": "NORMAL", "wal_autocheckpoint": 0}
            self._noter = _sqlite_engine(url, begin="BEGIN IMMEDIATE", **notes)
            self._reader = _sqlite_engine(url, begin="BEGIN")
            self._at_once = self._noter
        else:
            # A host that swallows packets must not hold anybody for the minutes of TCP's own limit.
            limit = {} if "connect_timeout" in self.url.query else CONNECT_LIMIT
            engine = create_engine(url, pool_pre_ping=True, connect_args=limit)
            self._writer = self._noter = self._reader = engine
            self._at_once = engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def engine(self) -> Engine:
        return self._writer

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that commits at the end; never hold it during inference."""
        with _transaction(self._writer, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def noting(self) -> Iterator[Session]:
        """`writing` for what may be forgotten when the power fails: who works on what, and that
        somebody lives. On SQLite its commit does not wait for the disk.
        """
        with _transaction(self._noter, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def at_once(self) -> Iterator[Connection]:
        """`noting` for single statements: PostgreSQL commits each as it executes it, so that
        others wait for the rows that it locks no longer than the server itself takes.
        """
        with self._at_once.begin() as connection:
            yield connection

    @contextmanager
    def reading(self, max_wait_s: float | None = None) -> Iterator[Session]:
        """max_wait_s: how long it may wait for a lock. On SQLite readers wait for nobody."""
        with _transaction(self._reader) as session:
            if max_wait_s and self.url.get_backend_name() != "sqlite":
                session.execute(text(f"SET LOCAL lock_timeout = {round(1000 * max_wait_s)}"))
            yield session

    def insert_new(self, table: Table) -> Insert:
        """An INSERT that leaves out rows whose key is there already."""
        is_sqlite = self.url.get_backend_name() == "sqlite"
        return (sqlite if is_sqlite else postgresql).insert(table).on_conflict_do_nothing()

    def time_in(self, seconds: float) -> Any:
        """The moment so many seconds from now, by one clock for all machines, for a statement.

        PostgreSQL's own clock: those of two workers may differ by more than a lease lasts. SQLite
        is on one machine, which has one clock.
        """
        if self.url.get_backend_name() == "sqlite":
            return datetime.now(UTC) + timedelta(seconds=seconds)
        return func.clock_timestamp(type_=DateTime(timezone=True)) + timedelta(seconds=seconds)

    def time_named(self, name: str) -> ColumnElement[datetime]:
        """`time_in` for a statement that is built once: `delay` is the value of this parameter."""
        if self.url.get_backend_name() == "sqlite":
            return bindparam(name)
        return func.clock_timestamp(type_=DateTime(timezone=True)) + bindparam(name, type_=Interval)

    def delay(self, seconds: float) -> datetime | timedelta:
        if self.url.get_backend_name() == "sqlite":
            return datetime.now(UTC) + timedelta(seconds=seconds)
        return timedelta(seconds=seconds)

    def time_of_call(self) -> Any:
        """The moment at which a transaction that begins now came, before it waited for a lock.

        PostgreSQL takes it when the statement arrives; for SQLite call this before `writing`.
        """
        if self.url.get_backend_name() == "sqlite":
            return datetime.now(UTC)
        return func.statement_timestamp(type_=DateTime(timezone=True))

    def seconds_until(self, moment: ColumnElement[datetime]) -> ColumnElement[float]:
        """From now, by the clock of `time_in`; negative when it is past."""
        if self.url.get_backend_name() == "sqlite":
            current = literal(datetime.now(UTC), moment.type)
            return (func.julianday(moment) - func.julianday(current)) * SECONDS_PER_DAY
        return func.extract("epoch", moment - self.time_in(0))

    def close(self) -> None:
        self._writer.dispose()
        self._noter.dispose()
        self._reader.dispose()


@contextmanager
def _transaction(engine: Engine, **options: bool) -> Iterator[Session]:
    try:
        with Session(engine, **options) as session, session.begin():
            yield session
    except PoolTimeout as error:
        # All connections are waiting for a database that does not answer: the same to a caller.
        raise OperationalError("BEGIN", {}, error) from error


def _address(url: str) -> URL:
    """Raises SettingsError for what is not an address of SQLite or PostgreSQL."""
    try:
        address = make_url(url)
        if address.get_backend_name() in ("sqlite", "postgresql"):
            return address
    except ArgumentError:
        pass
    raise SettingsError(  # without the address, which may hold a password
        "DATABASE_URL must be the address of a PostgreSQL or SQLite database, such as "
        "postgresql://user@host:5432/name. Received: another one."
    )


def take_turns(session: Session, key: int) -> None:
    """Wait until every other transaction that took its turn by the same key has ended, and let
    none have its turn before this one ends. SQLite's writers take turns anyway.

    Call it when no row remains to be locked: those who wait here hold theirs.
    """
    if session.get_bind().dialect.name != "sqlite":
        session.execute(_TURN, {"key": key})


_TURN = text("SELECT pg_advisory_xact_lock(:key)")


def _sqlite_engine(url: str, begin: str, **pragmas: str | int) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def configure(connection, _record) -> None:
        connection.isolation_level = None  # the driver must not open transactions of its own
        for name, value in (SQLITE | pragmas).items():
            connection.execute(f"PRAGMA {name} = {value}")

    @event.listens_for(engine, "begin")
    def open_transaction(connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
