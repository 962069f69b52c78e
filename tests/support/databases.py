"""Databases with tables, and a clinic, in them: made once, and each test gets a copy."""

import atexit
import contextlib
import functools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from tests.support.access import TOKEN
from worker.store import DEFAULT_CLINIC, Store
from worker.store.migrations import migrate


def migrated_store(database_url: str) -> Store:
    """A store with empty tables: on SQLite in a new file, on PostgreSQL those it was made with."""
    store = Store(database_url)
    if store.database.url.get_backend_name() == "sqlite":
        shutil.copyfile(_sqlite_template(), store.database.url.database)
    return store


def store_with_clinic(sqlite_url: str) -> Store:
    """A store in a new file, with the default clinic and its TOKEN."""
    store = Store(sqlite_url)
    shutil.copyfile(_template_with_clinic(), store.database.url.database)
    return store


class PostgresServer:
    """Makes databases on a running server; `wheel` is what started it."""

    def __init__(self, wheel: Any) -> None:
        self.wheel = wheel
        self._uri = wheel.get_uri()
        self._count = 0
        # Nothing outlives the tests, so nothing has to reach the disk.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self.run(f"ALTER SYSTEM SET {setting} = off")
        self.run("SELECT pg_reload_conf()")

    @functools.cached_property
    def migrated(self) -> str:
        """Name of a template with the tables of this version."""
        name = self._create()
        store = Store(self._url(name))
        migrate(store.database)
        store.close()
        return name

    @contextlib.contextmanager
    def new_database(self, template: str = "template1") -> Iterator[str]:
        """Gives the SQLAlchemy address of a database that is dropped afterwards."""
        name = self._create(template)
        try:
            yield self._url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def _create(self, template: str = "template1") -> str:
        self._count += 1
        name = f"test_{self._count}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _url(self, name: str) -> str:
        url = make_url(self._uri).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    def run(self, statement: str) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(statement)


@functools.cache
def _sqlite_template() -> Path:
    file = _folder() / "tables.db"
    with contextlib.closing(Store(f"sqlite:///{file}")) as store:
        migrate(store.database)
    return file


@functools.cache
def _template_with_clinic() -> Path:
    file = _folder() / "clinic.db"
    with contextlib.closing(migrated_store(f"sqlite:///{file}")) as store:
        store.ensure_clinic(DEFAULT_CLINIC, TOKEN)
    return file


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cxr-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
