import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.worker.conftest import finished_image, new_images
from worker.errors import DatabaseOutOfDate
from worker.store import Store
from worker.store.migrations import _config, check_up_to_date, migrate
from worker.store.schema import Base


def test_migrations_make_the_tables_that_the_code_declares(database_url):
    store = Store(database_url)
    migrate(store.database)
    migrate(store.database)
    check_up_to_date(store.database)
    with store.database.engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    store.close()


def test_what_version_2_stored_is_kept(tmp_path):
    """SQLite's tables are made anew: rows, keys to each other and indexes stay."""
    store = Store(f"sqlite:///{tmp_path / 'cxr.db'}")
    with store.database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    clinic = store.ensure_clinic("clinic", "token")
    for name in ("one", "two"):
        store.create_job(clinic.id, name, new_images(3), idempotency_key=name)
    (claim, *_) = store.claim(2, lease_s=60)
    store.save([finished_image(claim)])
    before = _everything(store, clinic.id)
    migrate(store.database)
    check_up_to_date(store.database)
    assert _everything(store, clinic.id) == before
    assert store.attention(clinic.id, claim.image_id).grid.shape == (2, 3)
    with store.database.engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    newest = store.create_job(clinic.id, "three", new_images(1))
    store.delete_job(clinic.id, newest.id)
    assert store.create_job(clinic.id, "four", new_images(1)).id == newest.id + 1
    store.close()


def _everything(store: Store, clinic_id: int) -> list:
    jobs = store.jobs(clinic_id).items
    return [(job, list(store.all_images(clinic_id, job.id))) for job in jobs]


def test_a_database_without_tables_is_a_clear_error(database_url):
    store = Store(database_url)
    with pytest.raises(DatabaseOutOfDate, match="cxr migrate"):
        check_up_to_date(store.database)
    store.close()
