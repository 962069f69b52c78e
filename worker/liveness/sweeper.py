"""The sweeper: wakes workers for what waits, takes back what a dead worker held, and ends what
nobody else does: uploads whose receiver died, open jobs that were left, jobs that were deleted."""

import logging
import threading
import time
from collections import Counter

from sqlalchemy.exc import OperationalError

from worker.files.image_files import ImageFiles
from worker.files.removal import remove_some
from worker.files.retention import retire
from worker.files.space import Reserve
from worker.files.unfinished import UnfinishedUploads
from worker.liveness.heartbeat import Heartbeat
from worker.queue.dispatch import Dispatcher
from worker.settings import Settings
from worker.store import Store
from worker.store.migrations import check_up_to_date

log = logging.getLogger(__name__)

# A receiver gives a sign of life every 10 s while bytes arrive.
SILENT_UPLOAD_AFTER_S = 60.0
# In one round, so that leases are looked after in between.
MAX_REMOVED = 1000
ABANDONED_UPLOAD_AFTER_S = 24 * 3600
TIDY_EVERY_S = 600
FORGET_WORKER_AFTER_S = 24 * 3600
NAMES_PER_QUERY = 500


def run_sweeper(settings: Settings, stopping: threading.Event) -> None:
    """Sweep until `stopping`, and tidy every ten minutes; outlives a lost database, and a disk that
    does not obey."""
    store = Store(settings.database_url)
    check_up_to_date(store.database)
    dispatcher = Dispatcher(store, settings)
    files = ImageFiles(settings.images_dir)
    reserve = Reserve(settings.home)
    heartbeat = Heartbeat(settings.home, "sweeper")
    tidy_at = time.monotonic()
    try:
        while not stopping.is_set():
            in_a_hurry = False
            try:
                sweep(store, dispatcher, settings)
                in_a_hurry = settle(store, files, settings)
                reserve.hold()
                if time.monotonic() >= tidy_at:
                    tidy(store, files, settings)
                    tidy_at = time.monotonic() + TIDY_EVERY_S
            except OperationalError as error:
                log.warning("the database is unreachable (%s)", type(error.orig).__name__)
            except OSError as error:
                log.error("the disk does not obey (%s)", error.strerror)
            heartbeat.beat()
            stopping.wait(0 if in_a_hurry else settings.sweep_interval_s)
    finally:
        heartbeat.stop()
        dispatcher.close()
        store.close()


def sweep(store: Store, dispatcher: Dispatcher, settings: Settings) -> None:
    """One round."""
    report("leases ran out", store.take_back_expired(settings.max_attempts))
    dispatcher.send_waiting()


def settle(
    store: Store, files: ImageFiles, settings: Settings, silent_s: float = SILENT_UPLOAD_AFTER_S
) -> bool:
    """End what is left open, and remove some of what was deleted. Returns: whether more is left."""
    if abandoned := store.abandon_silent(silent_s):
        log.warning("%d uploads broke off without an end", abandoned)
    store.close_idle_jobs(settings.open_job_s)
    if retired := retire(store, files):
        log.info("%d jobs, or the files of jobs, were kept for their time and are deleted", retired)
    return remove_some(store, files, MAX_REMOVED)


def report(cause: str, taken: Counter) -> None:
    """Log how many images went to each status, if any did."""
    if taken:
        log.warning(
            "%s: %s", cause, ", ".join(f"{n} {status.value}" for status, n in taken.items())
        )


def tidy(store: Store, files: ImageFiles, settings: Settings) -> None:
    """Delete uploads that were never finished; the files of uploads without rows, whose web server
    died before the first; and the rows of workers that ended without a word."""
    UnfinishedUploads.of(files, settings).delete_expired()
    store.forget_silent_workers(FORGET_WORKER_AFTER_S)
    names = list(files.folders(ABANDONED_UPLOAD_AFTER_S))
    for start in range(0, len(names), NAMES_PER_QUERY):
        some = names[start : start + NAMES_PER_QUERY]
        for name in set(some) - store.known_uploads(some):
            files.delete_folder(name)
