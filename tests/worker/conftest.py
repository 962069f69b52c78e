"""A store on each database."""

from collections.abc import Iterator

import pytest

from tests.support.databases import migrated_store
from worker.records.clinics import ClinicRecord
from worker.store import Store


@pytest.fixture
def db(migrated_url) -> Iterator[tuple[Store, ClinicRecord]]:
    """A migrated store with one clinic, on SQLite and on PostgreSQL."""
    store = migrated_store(migrated_url)
    yield store, store.ensure_clinic("clinic", "token")
    store.close()
