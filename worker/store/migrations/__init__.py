"""Schema changes, by Alembic, from the first table on."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from worker.errors import DatabaseOutOfDate
from worker.store.database import Database


def migrate(database: Database) -> None:
    """Bring the database's tables to this version; several processes may try at once."""
    with database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_up_to_date(database: Database) -> None:
    """Raises DatabaseOutOfDate when `migrate` was not run by this version."""
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    with database.reading() as session:
        found = MigrationContext.configure(session.connection()).get_current_revision()
    if found != wanted:
        raise DatabaseOutOfDate(
            f"The database's tables are at version {found or 'none'}, this program needs {wanted}. "
            "Run `cxr migrate`."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
