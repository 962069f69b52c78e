"""Part of a file's name is found by its trigrams: every three characters in a row.

Both databases keep names beside the images, which triggers bring up to date: SQLite in a full-text
index, PostgreSQL in a table with an index by a function of our own, since its extension for
trigrams is not on every server. Each trigram is kept by clinic, or the names of all others would be
read too.
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


# PostgreSQL writes all indexes of a row anew when its status changes: names have rows of their own.
IN_POSTGRESQL = (
    "CREATE TABLE image_names (id bigint PRIMARY KEY, clinic_id integer NOT NULL, "
    "filename text NOT NULL)",
    "INSERT INTO image_names SELECT id, clinic_id, filename FROM images",
    "CREATE FUNCTION image_name_trigrams(clinic_id integer, filename text) RETURNS text[] "
    "LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ "
    """SELECT coalesce(array_agg(DISTINCT clinic_id || ':' || """
    """substr(lower(filename COLLATE "C"), n, 3)), '{}') """
    "FROM generate_series(1, length(filename) - 2) AS n $$",
    "CREATE INDEX image_names_by_trigram ON image_names "
    "USING gin (image_name_trigrams(clinic_id, filename))",
    *(
        # Roles that write images need no right on the names.
        f"CREATE FUNCTION image_names_{when}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path FROM CURRENT AS $$ BEGIN {what}; RETURN NULL; END $$"
        for when, what in (
            ("added", "INSERT INTO image_names SELECT id, clinic_id, filename FROM added"),
            ("removed", "DELETE FROM image_names USING removed WHERE image_names.id = removed.id"),
            ("changed", "UPDATE image_names SET filename = new.filename WHERE id = new.id"),
        )
    ),
    "CREATE TRIGGER image_names_added AFTER INSERT ON images REFERENCING NEW TABLE AS added "
    "FOR EACH STATEMENT EXECUTE FUNCTION image_names_added()",
    "CREATE TRIGGER image_names_removed AFTER DELETE ON images REFERENCING OLD TABLE AS removed "
    "FOR EACH STATEMENT EXECUTE FUNCTION image_names_removed()",
    "CREATE TRIGGER image_names_changed AFTER UPDATE OF filename ON images "
    "FOR EACH ROW EXECUTE FUNCTION image_names_changed()",
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        for statement in IN_POSTGRESQL:
            op.execute(statement)
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
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS {name}" + ("" if is_sqlite else " ON images"))
        if not is_sqlite:
            op.execute(f"DROP FUNCTION {name}")
    op.execute("DROP TABLE IF EXISTS image_names")
    if not is_sqlite:
        op.execute("DROP FUNCTION image_name_trigrams")
