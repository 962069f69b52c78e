"""The audit trail in the database: a chain to which entries are added, and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.databases import migrated_store
from worker.audit import BEGINNING, Action, AuditEvent, Part, chained

EVENT = AuditEvent(
    Action.VIEWED,
    clinic_id=1,
    who_kind="person",
    who_id=3,
    who="Dr. Åse 王",
    job_id=7,
    image_ids=(91, 92),
    address="2001:db8::1",
    detail={"route": "pages.job", "times": 2},
)


@pytest.fixture
def store(migrated_url):
    store = migrated_store(migrated_url)
    yield store
    store.close()


@pytest.fixture
def tamper(store):
    """Runs a statement as somebody would who has the rights of the tables' owner."""
    sqlite = store.database.url.get_backend_name() == "sqlite"

    def run(statement: str) -> None:
        with store.database.engine.begin() as connection:
            for trigger in ("audit_no_update", "audit_no_delete"):
                if sqlite:
                    connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
            if not sqlite:
                connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
            connection.execute(text(statement))

    return run


def test_entries_are_kept_as_they_were_written(store):
    store.audit([EVENT, AuditEvent(Action.REFUSED, address="127.0.0.1")])
    first, second = store.audit_entries()
    assert first.event == EVENT
    assert (second.event.who_kind, second.event.who_id, second.event.clinic_id) == (
        *("nobody", None),
        None,
    )
    check = store.check_audit()
    assert (check.entries, check.last_id, check.broken_at) == (2, second.id, None)


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'x'", "DELETE FROM audit"])
def test_entries_cannot_be_changed(store, statement):
    store.audit([EVENT])
    with pytest.raises(DBAPIError, match="append-only"), store.database.writing() as session:
        session.execute(text(statement))
    assert next(store.audit_entries()).event == EVENT


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit SET who = 'x' WHERE id = 3", 3),
        ("UPDATE audit SET at = '2026-01-01 00:00:00' WHERE id = 2", 2),
        ("UPDATE audit SET image_ids = '[91]' WHERE id = 5", 5),
        ("UPDATE audit SET job_id = 8 WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 2", 3),
        ("DELETE FROM audit WHERE id = 1", 2),
        ("UPDATE audit SET id = 10 WHERE id = 2", 3),
    ],
)
def test_what_was_changed_is_found(store, tamper, statement, broken_at):
    store.audit([EVENT] * 5)
    tamper(statement)
    assert store.check_audit().broken_at == broken_at


@pytest.mark.parametrize("name", [field.name for field in fields(AuditEvent)])
def test_every_field_of_an_entry_is_in_its_hash(name):
    other = {"action": Action.DELETED, "image_ids": (91, 93), "detail": {"times": 3}}
    value = getattr(EVENT, name)
    changed = other.get(name, value + 1 if isinstance(value, int) else f"{value}x")
    at = datetime.now(UTC)
    before = chained(BEGINNING, at, EVENT)
    assert chained(BEGINNING, at, replace(EVENT, **{name: changed})) != before
    assert chained(before, at, EVENT) != before
    assert chained(BEGINNING, at + timedelta(microseconds=1), EVENT) != before


def test_writers_at_once_make_one_chain(store):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.audit([replace(EVENT, job_id=n + 1)] * 3), range(40)))
    check = store.check_audit()
    assert (check.entries, check.broken_at) == (120, None)


def test_a_page_is_of_one_clinic_and_filtered(store):
    store.audit([replace(EVENT, job_id=number) for number in (1, 2, 3)])
    store.audit([replace(EVENT, action=Action.DELETED, job_id=2), replace(EVENT, clinic_id=2)])
    assert [entry.event.job_id for entry in store.audit_page(1)] == [2, 3, 2, 1]
    assert [entry.id for entry in store.audit_page(1, before_id=3, limit=1)] == [2]
    assert [entry.id for entry in store.audit_page(1, job_id=2)] == [4, 2]
    assert [entry.id for entry in store.audit_page(1, action=Action.DELETED)] == [4]
    assert [entry.id for entry in store.audit_page(Part.ALL, before_id=3)] == [2, 1]
    assert store.audit_page(1, before_id=77) == []  # there is no such entry
    at = next(store.audit_entries()).at
    assert store.audit_page(1, until=at) == []
    assert len(store.audit_page(1, since=at)) == 4
