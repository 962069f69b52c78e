"""On PostgreSQL: the connection is cut when the database has accepted an upload and says so."""

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.access import TOKEN
from tests.support.cutting import CuttingProxy
from tests.support.databases import migrated_store
from web.app import create_app
from worker.files.image_files import ImageFiles
from worker.files.removal import remove_some
from worker.intake import writing
from worker.store import DEFAULT_CLINIC, Store

HEADERS = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "monday"}


@pytest.fixture
def proxy(migrated_postgres_url) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(migrated_postgres_url)
    yield proxy
    proxy.close()


@pytest.fixture
def store(migrated_postgres_url) -> Iterator[Store]:
    """A way to the database that is never cut."""
    store = migrated_store(migrated_postgres_url)
    store.ensure_clinic(DEFAULT_CLINIC, TOKEN)
    yield store
    store.close()


@pytest.fixture
def send(settings, store, proxy):
    client = create_app(replace(settings, database_url=proxy.url)).test_client()

    def post():
        files = [(io.BytesIO(b"x"), f"{number}.png") for number in range(5)]
        return client.post("/api/v1/jobs", data={"files": files}, headers=HEADERS)

    return post


def every_file_is_there(store: Store, settings) -> bool:
    files = ImageFiles(settings.images_dir)
    remove_some(store, files)
    claims = store.claim(9, lease_s=60)
    return len(claims) == 5 and all(
        files.path(claim.file_key).read_bytes() == b"x" for claim in claims
    )


def test_who_can_ask_again_is_told_that_the_job_exists(send, store, settings, proxy):
    proxy.cut_at_commit(stays_away=False)
    answer = send()
    assert proxy.was_cut.is_set()
    assert (answer.status_code, answer.json["counts"]["total"]) == (202, 5)
    assert "Idempotency-Replayed" not in answer.headers
    assert every_file_is_there(store, settings)


def test_while_nobody_can_ask_no_file_is_deleted(send, store, settings, proxy, monkeypatch):
    monkeypatch.setattr(writing, "OUTAGE_S", 1)
    proxy.cut_at_commit(stays_away=True)
    answer = send()
    assert proxy.was_cut.is_set()
    assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")
    assert store.abandon_silent(-1) == 0
    proxy.mend()
    again = send()
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert every_file_is_there(store, settings)
