from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from tests.support.rows import create_job, new_images
from worker.access import FIRST_SCOPES, PrincipalKind, Role, Scope
from worker.errors import DatabaseOutOfDate
from worker.reading_order import WITHOUT_RESULT, reading_rank
from worker.records.images import (
    ImageFilter,
    ImageRecord,
    ImageStatus,
    ResultRecord,
    Sort,
    SortKind,
)
from worker.store import Store
from worker.store.migrations import (
    alembic_config,
    check_up_to_date,
    is_declared,
    latest_revision,
    migrate,
)
from worker.store.numbers import PER_CLINIC
from worker.store.schema import Base
from worker.tokens import digest

FINISHED = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
GRID = np.linspace(0, 1, 6, dtype="<f2").reshape(2, 3)
COMPARED = {"compare_type": True, "include_name": is_declared}
NORMAL_ONLY = ImageFilter(labels=("NORMAL",))
TIMINGS = '{"infer": 12.5}'


def test_migrations_make_the_tables_that_the_code_declares(database_url):
    store = Store(database_url)
    migrate(store.database)
    migrate(store.database)
    check_up_to_date(store.database)
    with store.database.engine.begin() as connection:
        context = MigrationContext.configure(connection, opts=COMPARED)
        assert compare_metadata(context, Base.metadata) == []
    store.close()


@pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
def test_what_an_earlier_version_stored_is_kept(database_url, revision):
    store = Store(database_url)
    with store.database.engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        _fill(connection, keys=revision != "0001")
    migrate(store.database)
    check_up_to_date(store.database)

    assert store.principal_of_token("an old token").clinic.id == 1
    assert store.principal_of_token("an old token").scopes == FIRST_SCOPES

    mixed, done, waiting = reversed(store.jobs(1).items)
    assert (mixed.name, mixed.counts.done, mixed.model) == ("mixed", 2, None)
    assert (done.name, done.counts.done, done.model) == ("done", 2, "net-2")
    assert done.labels == mixed.labels == ("COVID19", "NORMAL", "PNEUMONIA")
    assert (waiting.model, waiting.labels) == (None, ())

    first, rejected = store.images(1, mixed.id).items[0], store.images(1, done.id).items[2]
    assert first.result == ResultRecord(
        model="net-1",
        label="NORMAL",
        probabilities={"COVID19": 0.125, "NORMAL": 0.75, "PNEUMONIA": 0.125},
        uncertain=True,
        timings_ms={"infer": 12.5},
    )
    assert list(first.result.probabilities) == ["COVID19", "NORMAL", "PNEUMONIA"]
    assert (first.filename, first.width, first.height) == ("0.png", 640, 480)
    assert first.finished_at == FINISHED
    (attention,) = store.maps(1, first.id)
    assert (attention.name, attention.box) == ("attention", (0.1, 0.2, 0.9, 0.8))
    np.testing.assert_array_equal(attention.grid, GRID)
    assert (rejected.status, rejected.reason) == (ImageStatus.REJECTED, "blank")
    assert (rejected.result, store.maps(1, rejected.id)) == (None, [])
    assert [image.id for image in store.images(1, done.id, NORMAL_ONLY).items] == [3, 4]
    ranked = store.images(1, mixed.id, sort=Sort(SortKind.SUSPICION)).items
    ranks = [_rank(image) for image in ranked]
    assert ranks == sorted(ranks)
    assert {image.id for image in ranked} == {image.id for image in store.images(1, mixed.id).items}

    with store.database.engine.begin() as connection:
        accepted = connection.exec_driver_sql("SELECT count(*) FROM jobs WHERE accepted_at IS NULL")
        assert accepted.scalar() == 0
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        context = MigrationContext.configure(connection, opts=COMPARED)
        assert compare_metadata(context, Base.metadata) == []
    assert [claim.image_id for claim in store.claim(9, lease_s=60)] == [6]
    newest = create_job(store, 1, "newest", new_images(1))
    store.delete_job(1, newest.id)
    assert create_job(store, 1, "after it", new_images(1)).id == newest.id + 1
    store.close()


def test_numbers_of_all_clinics_go_on_by_clinic(database_url):
    """Two clinics of a version that counted over all of them: every row keeps its number; the first
    clinic goes on after the last one that anybody had, the second begins in a range of its own."""
    store = Store(database_url)
    at = FINISHED
    if store.database.engine.dialect.name == "sqlite":
        at = FINISHED.strftime("%Y-%m-%d %H:%M:%S.%f")
    with store.database.engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0027")
        for statement in OF_TWO_CLINICS:
            connection.execute(text(statement), {"at": at} if ":at" in statement else {})
    migrate(store.database)

    theirs = store.image(2, 2)
    assert (theirs.filename, theirs.job_id) == ("b.png", 2)
    assert (store.person(1, 2).name, store.recovery_codes_left(1)) == ("Bea", 1)

    def number_of_all(clinic: str) -> dict[str, int]:
        clinic_id = store.clinic_named(clinic).id
        job = create_job(store, clinic_id, "new", new_images(1))
        token, _ = store.create_token(clinic, [Scope.READ])
        link = store.link(store.invite(clinic, [Role.READER]))
        person = store.accept_invitation(link.id, f"new in {clinic}", "no password")
        store.open_session(PrincipalKind.PERSON, person.id, "", "")
        return {
            "jobs": job.id,
            "images": store.images(clinic_id, job.id).items[0].id,
            "tokens": token.id,
            "people": person.id,
            "sessions": store.sessions_of(PrincipalKind.PERSON, person.id)[0].id,
        }

    second = number_of_all("second")
    assert second == dict.fromkeys(second, PER_CLINIC + 1)
    # Three images and two sessions: the last of them was deleted.
    one_more = {"jobs": 3, "images": 4, "tokens": 3, "people": 2, "sessions": 3}
    assert number_of_all("first") == one_more
    with store.database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            without_number = (
                "INSERT INTO tokens (sha256, scopes, created_at) VALUES ('x', '[]', now())"
            )
            with pytest.raises(IntegrityError):
                connection.execute(text(without_number))
    store.close()


# Version 0027 numbers by itself.
OF_TWO_CLINICS = (
    *(
        f"INSERT INTO clinics (name, created_at) VALUES ('{name}', :at)"
        for name in ("first", "second")
    ),
    *(
        "INSERT INTO jobs (clinic_id, name, urgent, status, total, waiting, running, done, "
        "rejected, failed, cancelled, revision, created_at, accepted_at) "
        f"VALUES ({clinic}, 'old', false, 'running', 1, 1, 0, 0, 0, 0, 0, 1, :at, :at)"
        for clinic in (1, 2)
    ),
    *(
        "INSERT INTO images (clinic_id, job_id, filename, size_bytes, status, attempts, "
        f"created_at) VALUES ({clinic}, {clinic}, '{name}.png', 1000, 'waiting', 0, :at)"
        for clinic, name in ((1, "a"), (2, "b"), (2, "deleted"))
    ),
    "DELETE FROM images WHERE id = 3",
    *(
        "INSERT INTO tokens (clinic_id, sha256, scopes, created_at) "
        f"VALUES ({clinic}, 'token {clinic}', '[]', :at)"
        for clinic in (1, 2)
    ),
    "INSERT INTO people (clinic_id, name, name_key, roles, created_at) "
    "VALUES (2, 'Bea', 'bea', '[]', :at)",
    "INSERT INTO recovery_codes (person_id, sha256) VALUES (1, 'code')",
    *(
        "INSERT INTO sessions (sha256, person_id, address, browser, created_at, seen_at) "
        f"VALUES ('session {number}', 1, '', '', :at, :at)"
        for number in (1, 2)
    ),
    "DELETE FROM sessions WHERE id = 2",
)


def test_the_number_of_an_image_deleted_before_is_used_once(tmp_path):
    """On SQLite, where the table of images is made anew."""
    store = Store(f"sqlite:///{tmp_path / 'cxr.db'}")
    with store.database.engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        _fill(connection, keys=True)
        connection.execute(text("DELETE FROM images WHERE id = 6"))
    migrate(store.database)
    job = create_job(store, 1, "next", new_images(1))
    assert store.images(1, job.id).items[0].id == 7
    store.close()


def _fill(connection: Connection, keys: bool) -> None:
    """Three jobs: of two models, of one with a rejected image, and one that waits."""
    at = FINISHED
    if connection.dialect.name == "sqlite":
        at = FINISHED.strftime("%Y-%m-%d %H:%M:%S.%f")  # as SQLAlchemy writes it

    def insert(table: str, **values: object) -> None:
        names = ", ".join(f'"{name}"' for name in values)
        places = ", ".join(f":{name}" for name in values)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)

    insert("clinics", name="clinic", created_at=at)
    insert("tokens", clinic_id=1, sha256=digest("an old token"), created_at=at)
    images = (
        *((1, "done", "net-1"), (1, "done", "net-2")),
        *((2, "done", "net-2"), (2, "done", "net-2"), (2, "rejected", None)),
        (3, "waiting", None),
    )
    for job_id, name in enumerate(("mixed", "done", "waiting"), start=1):
        states = Counter(status for of_job, status, _ in images if of_job == job_id)
        insert(
            "jobs",
            **{"clinic_id": 1, "name": name, "urgent": False, "revision": 1, "created_at": at},
            **{"total": states.total(), "status": "running" if states["waiting"] else "complete"},
            **{status.value: states[status.value] for status in ImageStatus},
            **({"upload": name, "idempotency_key": name} if keys else {}),
        )
    for number, (job_id, status, model) in enumerate(images):
        result = {}
        if model is not None:
            result = {"label": "NORMAL", "uncertain": True, "model": model, "timings_ms": TIMINGS}
            result |= {"covid19": 0.125, "normal": 0.75, "pneumonia": 0.125}
        insert(
            "images",
            **{
                "clinic_id": 1,
                "job_id": job_id,
                "filename": f"{number}.png",
                "file_key": f"00/{number}",
            },
            **{
                "size_bytes": 1000,
                "urgent": False,
                "status": status,
                "attempts": 0,
                "created_at": at,
            },
            **{"reason": "blank" if status == "rejected" else None, "width": 640, "height": 480},
            **({"finished_at": at} if status != "waiting" else {}),
            **result,
        )
        if result:
            box = {"left": 0.1, "top": 0.2, "right": 0.9, "bottom": 0.8}
            grid = {"height": 2, "width": 3, "grid": GRID.tobytes()}
            insert("attention_maps", image_id=number + 1, clinic_id=1, **grid, **box)


def test_a_database_without_tables_is_a_clear_error(database_url):
    store = Store(database_url)
    with pytest.raises(DatabaseOutOfDate, match=r"no tables yet.*CXR_HOME"):
        check_up_to_date(store.database)
    store.close()


def test_tables_of_a_newer_program_are_left_alone(database_url):
    store = Store(database_url)
    migrate(store.database)
    with store.database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (migrate, check_up_to_date):
        with pytest.raises(DatabaseOutOfDate, match=r"9999, of a newer program"):
            act(store.database)
    store.close()


def test_the_newest_file_is_the_head_of_alembics_chain():
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [latest_revision()]


def _rank(image: ImageRecord) -> float:
    found = image.result
    if found is None:
        return WITHOUT_RESULT
    return reading_rank(found.label, found.probabilities, found.uncertain)
