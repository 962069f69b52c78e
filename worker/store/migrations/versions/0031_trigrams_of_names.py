"""Part of a file's name is found by its trigrams: every three characters in a row.

SQLite keeps them in a full-text index beside the images, which triggers bring up to date;
PostgreSQL in an index on the images, by a function of our own, since its extension for trigrams is
not on every server. Each trigram is kept by clinic, or the names of all others would be read too.
"""

import logging

from alembic import op
from sqlalchemy.exc import OperationalError

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

log = logging.getLogger(__name__)

# As `worker.store.images.searching` asks for it: a word of three characters that no name has.
CLINIC = "char(61440, 57344 + {row}clinic_id / 4096, 57344 + {row}clinic_id % 4096)"
ADD = (
    "INSERT INTO image_names (rowid, filename, clinic) "
    f"VALUES (new.id, new.filename, {CLINIC.format(row='new.')});"
)
REMOVE = (
    "INSERT INTO image_names (image_names, rowid, filename, clinic) "
    f"VALUES ('delete', old.id, old.filename, {CLINIC.format(row='old.')});"
)
TRIGGERS = {
    "image_names_added": f"AFTER INSERT ON images BEGIN {ADD} END",
    "image_names_removed": f"AFTER DELETE ON images BEGIN {REMOVE} END",
    "image_names_changed": f"AFTER UPDATE OF filename ON images BEGIN {REMOVE} {ADD} END",
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute(
            "CREATE FUNCTION image_name_trigrams(clinic_id integer, filename text) RETURNS text[] "
            "LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ "
            "SELECT coalesce(array_agg(DISTINCT clinic_id || ':' || "
            """substr(lower(filename COLLATE "C"), n, 3)), '{}') """
            "FROM generate_series(1, length(filename) - 2) AS n $$"
        )
        op.execute(
            "CREATE INDEX image_names_by_trigram ON images "
            "USING gin (image_name_trigrams(clinic_id, filename))"
        )
        return
    try:
        op.execute(
            "CREATE VIRTUAL TABLE image_names USING fts5("
            "filename, clinic, content='', tokenize='trigram', detail=none, columnsize=0)"
        )
    except OperationalError:
        log.warning("SQLite before 3.34 has no index of trigrams: a search reads all names")
        return
    op.execute(
        "INSERT INTO image_names (rowid, filename, clinic) "
        f"SELECT id, filename, {CLINIC.format(row='')} FROM images"
    )
    for name, what in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {what}")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP INDEX image_names_by_trigram")
        op.execute("DROP FUNCTION image_name_trigrams")
        return
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS {name}")
    op.execute("DROP TABLE IF EXISTS image_names")
