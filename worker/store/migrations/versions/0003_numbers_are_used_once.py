"""SQLite gives the number of a deleted job or image to no other: AUTOINCREMENT.

Without it, the newest job's number would go to the next one, and a page that is still open, or a
command that is typed twice, would show or delete another patient's images. PostgreSQL never reused
a number.
"""

import re

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBERED = ("jobs", "images")
PARENTS_FIRST = ("jobs", "images", "attention_maps")


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    query = text("SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type = :type")
    tables = {
        name: connection.scalar(query, {"name": name, "type": "table"}) for name in PARENTS_FIRST
    }
    indexes = [
        statement
        for name in PARENTS_FIRST
        for statement in connection.scalars(query, {"name": name, "type": "index"})
        if statement
    ]
    for name in PARENTS_FIRST:
        op.execute(f"CREATE TEMPORARY TABLE kept_{name} AS SELECT * FROM {name}")
    for name in reversed(PARENTS_FIRST):
        op.execute(f"DROP TABLE {name}")
    for name in PARENTS_FIRST:
        op.execute(_numbered(tables[name]) if name in NUMBERED else tables[name])
        op.execute(f"INSERT INTO {name} SELECT * FROM kept_{name}")
        op.execute(f"DROP TABLE kept_{name}")
    for statement in indexes:
        op.execute(statement)


def downgrade() -> None:
    """Version 0002 works with these tables as well."""


def _numbered(table: str) -> str:
    """The same table, with a key that is never given again."""
    column = re.compile(r"(?<=\()\s*id INTEGER NOT NULL")
    key = re.compile(r"PRIMARY KEY \(id\),\s*")
    if len(column.findall(table)) != 1 or len(key.findall(table)) != 1:
        raise RuntimeError(f"This table is not as expected. Received: {table}")
    return column.sub("id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL", key.sub("", table))
