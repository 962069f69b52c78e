"""Who wrote which result: a trigger in the database keeps a list that the program cannot touch."""

from collections.abc import Sequence

from sqlalchemy import text

from worker.store.database import Database

_FINAL = "('done', 'rejected', 'failed')"
_SQLITE = (
    "CREATE TABLE result_log (image_id INTEGER NOT NULL)",
    "CREATE TRIGGER log_result AFTER UPDATE OF status ON images "
    f"WHEN new.status IN {_FINAL} "
    "BEGIN INSERT INTO result_log VALUES (new.id); END",
)
_POSTGRESQL = (
    "CREATE TABLE result_log (image_id BIGINT NOT NULL)",
    "CREATE FUNCTION log_result() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO result_log VALUES (new.id); RETURN NULL; END $$",
    "CREATE TRIGGER log_result AFTER UPDATE OF status ON images FOR EACH ROW "
    f"WHEN (new.status IN {_FINAL}) EXECUTE FUNCTION log_result()",
)


def install(database: Database) -> None:
    """After the migration, before the first result."""
    statements = _SQLITE if database.url.get_backend_name() == "sqlite" else _POSTGRESQL
    with database.writing() as session:
        for statement in statements:
            session.execute(text(statement))


def written_twice(database: Database, job_ids: Sequence[int]) -> int:
    """Images of these jobs whose result was written more than once."""
    with database.reading() as session:
        return session.scalar(
            text(
                "SELECT count(*) FROM (SELECT l.image_id FROM result_log l "
                "JOIN images i ON i.id = l.image_id "
                f"WHERE i.job_id IN ({', '.join(map(str, job_ids))}) "
                "GROUP BY l.image_id HAVING count(*) > 1) AS repeated"
            )
        )
