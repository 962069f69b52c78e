"""PostgreSQL rights of each part, when parts sign in with roles of their own.

`cxr migrate` runs as the owner of the tables, and gives these rights to the roles that exist. The
owner of a SQLite file may do everything.
"""

from sqlalchemy import text

from worker.store.database import Database
from worker.store.schema import Base

WEB, WORKER, SWEEPER = "cxr_web", "cxr_worker", "cxr_sweeper"
READ, WRITE, ADD = "SELECT", "SELECT, INSERT, UPDATE, DELETE", "SELECT, INSERT"
# Workers decode hostile files: they see nothing of those who may come in.
OF_WORKERS = {"jobs": WRITE, "images": WRITE, "results": WRITE, "maps": WRITE, "workers": WRITE}
OF_WORKERS |= {"clinics": "SELECT, UPDATE", "alembic_version": READ, "shadow_tasks": WRITE}
# They write the pseudonyms, and so need the keys; web servers set profiles, and read no key.
OF_SWEEPER = dict(OF_WORKERS)
OF_WORKERS |= {"patient_data": READ, "clinic_keys": READ}
# The sweeper opens no file. It removes what was deleted, with the reviews of it.
OF_SWEEPER |= {"reviews": "SELECT, DELETE", "original_names": "SELECT (image_id), DELETE"}
# It deletes what is no longer kept, and says so.
OF_SWEEPER |= {"audit": ADD, "retention": READ, "holds": READ}


def rights() -> dict[str, dict[str, str]]:
    """By role and table."""
    of_web = dict.fromkeys(Base.metadata.tables, WRITE) | {"audit": ADD, "alembic_version": READ}
    of_web |= {"clinic_keys": "INSERT", "image_names": READ}
    return {WEB: of_web, WORKER: OF_WORKERS, SWEEPER: OF_SWEEPER}


def grant(database: Database) -> list[str]:
    """Give each role its rights and take away all others. Returns: the roles that exist."""
    if database.url.get_backend_name() == "sqlite":
        return []
    with database.engine.begin() as connection:
        known = connection.scalars(
            text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:names)"),
            {"names": list(rights())},
        ).all()
        for role in known:
            for kind in ("TABLES", "SEQUENCES"):
                connection.execute(text(f"REVOKE ALL ON ALL {kind} IN SCHEMA public FROM {role}"))
            connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {role}"))
            connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"))
            for table, may in rights()[role].items():
                connection.execute(text(f"GRANT {may} ON {table} TO {role}"))
    return sorted(known)
