"""The store: every verb that reads or writes SQL, and the only place with database sessions."""

from worker.store.accounts import AccountVerbs
from worker.store.audit import AuditVerbs
from worker.store.database import Database
from worker.store.images.reading import ImageVerbs
from worker.store.images.reviews import ReviewVerbs
from worker.store.images.selection import MAX_COUNT
from worker.store.images.shadows import MAX_SHADOWS, ShadowVerbs
from worker.store.jobs.control import ControlVerbs
from worker.store.jobs.deletion import DeletionVerbs
from worker.store.jobs.removal import RemovalVerbs
from worker.store.jobs.watching import JobVerbs
from worker.store.keeping.patient_data import PatientDataVerbs
from worker.store.keeping.retention import RetentionVerbs
from worker.store.keeping.stored_files import StoredFileVerbs
from worker.store.overview import OverviewVerbs
from worker.store.weeks import WeekVerbs
from worker.store.work.claiming import WorkVerbs
from worker.store.work.leases import LeaseVerbs
from worker.store.work.outbox import OutboxVerbs
from worker.store.work.shadowing import ShadowingVerbs
from worker.store.work.workers import WorkerVerbs

__all__ = ["DEFAULT_CLINIC", "MAX_COUNT", "MAX_SHADOWS", "Store"]

# Until there are many clinics, everything belongs to this one.
DEFAULT_CLINIC = "default"


class Store(
    AccountVerbs,
    AuditVerbs,
    JobVerbs,
    ControlVerbs,
    DeletionVerbs,
    ImageVerbs,
    WorkVerbs,
    LeaseVerbs,
    OutboxVerbs,
    OverviewVerbs,
    PatientDataVerbs,
    RemovalVerbs,
    RetentionVerbs,
    ReviewVerbs,
    ShadowingVerbs,
    ShadowVerbs,
    StoredFileVerbs,
    WeekVerbs,
    WorkerVerbs,
):
    """All verbs over one database; safe to share between threads, not across a fork."""

    def __init__(self, database_url: str) -> None:
        self.database = Database(database_url)

    def close(self) -> None:
        self.database.close()
