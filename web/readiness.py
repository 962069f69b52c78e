"""What the system needs to work, and what is missing now."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.exc import DBAPIError

from worker.errors import DatabaseOutOfDate
from worker.files.image_files import ImageFiles
from worker.queue.dispatch import Dispatcher
from worker.records.jobs import JobRecord, JobStatus
from worker.records.work import WorkerRecord
from worker.store import Store
from worker.store.migrations import check_up_to_date

# Answers are that old at most: many pollers, or a stranger at /readyz, cost one look.
FRESH_S = 1.0
WORKERS, MODEL = "workers", "model"
OK, UNREACHABLE, OUT_OF_DATE, UNKNOWN = "ok", "unreachable", "out_of_date", "unknown"
FULL = "full"


@dataclass(frozen=True)
class State:
    """How it is. workers: how many are up; None when the database cannot tell."""

    database: str
    tables: str
    queue: str
    storage: str
    workers: int | None

    @property
    def missing(self) -> list[str]:
        """Names of what has to come back before everything works."""
        found = asdict(self)
        workers = found.pop(WORKERS)
        return [name for name, state in found.items() if state != OK] + [WORKERS] * (not workers)

    def as_json(self) -> dict[str, Any]:
        missing = self.missing
        return {"status": "not_ready" if missing else "ready", "missing": missing, **asdict(self)}


class Readiness:
    """Looks at most once a second. Safe to share between threads."""

    def __init__(self, store: Store, dispatcher: Dispatcher, files: ImageFiles) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._files = files
        self._look = _Fresh(self._state)
        self._workers: _Fresh = _Fresh(self._workers_up)

    def state(self) -> State:
        """Never raises: what fails is what is missing."""
        return self._look()

    def told(self, job: JobRecord) -> JobRecord:
        """The job with what it waits for, when no worker is up that could classify what is left of
        it: `workers`, or `model` when all that are up have other models than the job."""
        if job.status is not JobStatus.RUNNING or not (job.counts.waiting + job.counts.running):
            return job
        workers = self._workers()
        if workers is None or any(job.model in (None, worker.model) for worker in workers):
            return job
        return replace(job, waiting_for=MODEL if workers else WORKERS)

    def _workers_up(self) -> list[WorkerRecord] | None:
        try:
            return self._store.workers_up()
        except DBAPIError:
            return None

    def _state(self) -> State:
        queue = UNREACHABLE if self._dispatcher.queue_length() is None else OK
        storage = OK if self._files.has_room else FULL
        try:
            check_up_to_date(self._store.database)
            workers = self._workers()
            return State(OK, OK, queue, storage, None if workers is None else len(workers))
        except DatabaseOutOfDate:
            return State(OK, OUT_OF_DATE, queue, storage, None)
        except DBAPIError:
            return State(UNREACHABLE, UNKNOWN, queue, storage, None)


class _Fresh:
    """What `ask` gave, asked again when that is older than FRESH_S seconds."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._until = 0.0
        self._found: Any = None

    def __call__(self) -> Any:
        with self._lock:
            if time.monotonic() >= self._until:
                self._found = self._ask()
                self._until = time.monotonic() + FRESH_S
            return self._found
