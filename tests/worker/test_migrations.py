import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from worker.errors import DatabaseOutOfDate
from worker.migrations import check_up_to_date, migrate
from worker.schema import Base
from worker.store import Store


def test_migrations_make_the_tables_that_the_code_declares(database_url):
    store = Store(database_url)
    migrate(store.database)
    migrate(store.database)
    check_up_to_date(store.database)
    with store.database.engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    store.close()


def test_a_database_without_tables_is_a_clear_error(database_url):
    store = Store(database_url)
    with pytest.raises(DatabaseOutOfDate, match="cxr migrate"):
        check_up_to_date(store.database)
    store.close()
