"""What a clinic's numbers tell: the order of its own rows, and nothing about another clinic's."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.rows import create_job, new_images
from worker.access import PrincipalKind, Role, Scope
from worker.store import Store
from worker.store.jobs import receiving
from worker.store.numbers import PER_CLINIC

QUICK_S = 10


def add_everything(store: Store, clinic: str, images: int) -> dict[str, list[int]]:
    """A job, a token, a person and a session. Returns: their numbers."""
    token, _ = store.create_token(clinic, [Scope.UPLOAD])
    link = store.link(store.invite(clinic, [Role.ADMIN]))
    person = store.accept_invitation(link.id, f"{clinic} {link.id}", "no password")
    store.open_session(PrincipalKind.PERSON, person.id, "", "")
    store.open_session(PrincipalKind.TOKEN, token.id, "", "")
    clinic_id = store.clinic_named(clinic).id
    job = create_job(store, clinic_id, "job", new_images(images))
    return {
        "jobs": [job.id],
        "images": [image.id for image in store.images(clinic_id, job.id, limit=images).items],
        "tokens": [token.id],
        "people": [person.id],
        "sessions": sorted(session.id for session in store.sessions_of_clinic(clinic_id))[-2:],
    }


def test_numbers_of_a_clinic_do_not_tell_what_others_sent(db):
    """The second clinic's follow each other, although the first one sends 1,000 images between."""
    store, first = db
    before = add_everything(store, "second", 2)
    for _ in range(3):
        busy = add_everything(store, first.name, 1000)
    after = add_everything(store, "second", 2)

    assert busy["images"][-1] == 3000
    for kind, numbers in before.items():
        together = numbers + after[kind]
        assert together == list(range(PER_CLINIC + 1, PER_CLINIC + 1 + len(together))), kind


def test_numbers_are_used_once(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(3))
    last = store.images(clinic.id, job.id).items[-1].id
    store.delete_images(clinic.id, [last])
    store.delete_job(clinic.id, job.id)
    for deleted in store.deleted_jobs():
        store.remove_images(deleted.id, 100, lambda keys: None)
        store.remove_job(deleted.id)
    next_one = create_job(store, clinic.id, "next", new_images(1))
    assert next_one.id > job.id
    assert store.images(clinic.id, next_one.id).items[0].id > last


def test_a_clinic_cannot_use_the_numbers_of_the_next_one(db):
    store, first = db
    second = store.ensure_clinic("second", "another token")
    theirs = create_job(store, second.id, "theirs", new_images(1))
    create_job(store, first.id, "ours", new_images(1))
    with store.database.writing() as session:
        session.execute(
            text("UPDATE numbers SET last = :last WHERE kind = 'images' AND clinic_id = :clinic"),
            {"last": PER_CLINIC - 2, "clinic": first.id},
        )
    create_job(store, first.id, "the last two", new_images(2))
    with pytest.raises(IntegrityError):
        create_job(store, first.id, "one too many", new_images(1))
    assert store.images(second.id, theirs.id).items[0].id == PER_CLINIC + 1
    create_job(store, second.id, "more of theirs", new_images(1))


def test_an_upload_does_not_wait_until_the_rows_of_another_are_written(
    migrated_postgres_url, monkeypatch
):
    """On PostgreSQL: SQLite's writers take turns anyway."""
    store = Store(migrated_postgres_url)
    clinic = store.ensure_clinic("clinic", "token").id
    insert, other = receiving._insert, []

    def insert_meanwhile(*args) -> None:
        monkeypatch.setattr(receiving, "_insert", insert)
        thread = threading.Thread(
            target=lambda: other.append(create_job(store, clinic, "second", new_images(1))),
            daemon=True,
        )
        thread.start()
        thread.join(QUICK_S)
        assert other, "the second upload waits for the first one"
        insert(*args)

    monkeypatch.setattr(receiving, "_insert", insert_meanwhile)
    job = create_job(store, clinic, "first", new_images(1))
    assert job.id < other[0].id
    store.close()
