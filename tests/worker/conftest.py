"""A store on each database."""

from collections.abc import Iterator

import pytest

from worker.records import ClinicRecord
from worker.store import Store
from worker.store.migrations import migrate


@pytest.fixture
def db(database_url) -> Iterator[tuple[Store, ClinicRecord]]:
    """A migrated store with one clinic, on SQLite and on PostgreSQL."""
    store = Store(database_url)
    migrate(store.database)
    yield store, store.ensure_clinic("clinic", "token")
    store.close()
