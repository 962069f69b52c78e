"""Run by Alembic, with the connection that `worker.store.migrations` or the command line gave."""

from alembic import context
from sqlalchemy import text

from worker.settings import Settings
from worker.store.database import Database
from worker.store.migrations import is_declared
from worker.store.schema import Base

MIGRATION_LOCK = 0x637872  # any number, the same in every process: "cxr"


def run(connection) -> None:
    if connection.dialect.name == "postgresql":
        # Two containers that start together must not create the same table.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_name=is_declared,
    )
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:  # `alembic revision --autogenerate`
    with Database(Settings.from_env().database_url).engine.begin() as opened:
        run(opened)
