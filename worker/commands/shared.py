"""What the commands that work on the store have in common."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from worker.audit import Action, AuditEvent
from worker.errors import worker_errors
from worker.logs import log_to_stderr
from worker.settings import Settings


def known_settings() -> Settings:
    """This machine's, for a command that needs more of them than the store. Wrong ones end it."""
    with worker_errors():
        return Settings.from_env()


@contextmanager
def opened_store(settings: Settings | None = None) -> Iterator:
    """The store, once its tables are known to be of this version. Default: this machine's."""
    from worker.store import Store
    from worker.store.migrations import check_up_to_date

    log_to_stderr()
    with worker_errors():
        store = Store((settings or Settings.from_env()).database_url)
        try:
            check_up_to_date(store.database)
            yield store
        finally:
            store.close()


def command_event(
    action: Action, clinic_id: int | None = None, job_id: int | None = None, **detail: str | int
) -> AuditEvent:
    """For the audit trail: what whoever gave this command did."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = "unknown"
    return AuditEvent(
        action, clinic_id, who_kind="command", who=name[:200], job_id=job_id, detail=detail
    )
