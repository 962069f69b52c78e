"""Schema changes, by Alembic, from the first table on.

Alembic is loaded only to change a schema: every process asks at its start whether the schema is up
to date, and the answer needs one query.
"""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from worker.errors import DatabaseOutOfDate
from worker.store.database import Database

FOLDER = Path(__file__).parent


def migrate(database: Database) -> None:
    """Bring the database's tables to this version; several processes may try at once.

    Raises DatabaseOutOfDate for tables of a newer version.
    """
    from alembic import command

    config = alembic_config()
    with database.engine.begin() as connection:
        _refuse_newer(_revision(connection))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_up_to_date(database: Database) -> None:
    """Raises DatabaseOutOfDate when `migrate` was not run by this version."""
    wanted = latest_revision()
    with database.engine.begin() as connection:
        found = _revision(connection)
    if found is None:
        file = database.url.database if database.url.get_backend_name() == "sqlite" else None
        raise DatabaseOutOfDate(
            f"{file or 'The database'} has no tables yet. `cxr up` makes them, or `cxr migrate` "
            "where it does not run. Of a system that has another data folder, set CXR_HOME to it."
        )
    _refuse_newer(found)
    if found != wanted:
        raise DatabaseOutOfDate(
            f"The database's tables are at version {found}, this program needs {wanted}. "
            "Run `cxr migrate`."
        )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > latest_revision():
        raise DatabaseOutOfDate(
            f"The database's tables are at version {found}, of a newer program; this one knows "
            f"{latest_revision()}. Go on with the newer one, or restore a backup from before it "
            "into another data folder."
        )


def latest_revision() -> str:
    """The number that the name of the newest migration begins with: migrations are numbered."""
    return max(file.name for file in (FOLDER / "versions").glob("[0-9]*.py"))[:4]


def is_declared(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
    """Whether a table declares it, for Alembic's comparison: it has no words for the index of
    names by their trigrams, which migration 0031 makes."""
    return name is None or not name.startswith("image_names")


def alembic_config():
    """An `alembic.config.Config` of these migrations."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config
