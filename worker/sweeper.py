"""The sweeper: sends what was never sent, takes back what a dead worker held."""

import logging
import threading
import time
from pathlib import Path

from sqlalchemy.exc import OperationalError

from worker.dispatch import Dispatcher
from worker.files import ImageFiles
from worker.heartbeat import Heartbeat
from worker.migrations import check_up_to_date
from worker.settings import Settings
from worker.store import Store

log = logging.getLogger(__name__)

MESSAGE_LOST_AFTER_S = 10.0
ABANDONED_UPLOAD_AFTER_S = 24 * 3600


def run_sweeper(settings: Settings, stopping: threading.Event) -> None:
    """Sweep until `stopping`; outlives a lost database."""
    store = Store(settings.database_url)
    check_up_to_date(store.database)
    dispatcher = Dispatcher(store, settings)
    files = ImageFiles(settings.images_dir)
    heartbeat = Heartbeat(settings.home, "sweeper")
    try:
        while not stopping.is_set():
            try:
                sweep(store, dispatcher, files, settings.max_attempts)
            except OperationalError as error:
                log.warning("the database is away (%s)", type(error.orig).__name__)
            heartbeat.beat()
            stopping.wait(settings.sweep_interval_s)
    finally:
        heartbeat.stop()
        dispatcher.close()
        store.close()


def sweep(store: Store, dispatcher: Dispatcher, files: ImageFiles, max_attempts: int) -> None:
    """One round."""
    taken = store.take_back_expired(max_attempts)
    if taken:
        log.warning(
            "leases ran out: %s", ", ".join(f"{n} {status.value}" for status, n in taken.items())
        )
    dispatcher.send_waiting()
    dispatcher.send_again(MESSAGE_LOST_AFTER_S)
    _delete_abandoned(files.root / "incoming")


def _delete_abandoned(incoming: Path) -> None:
    # What a killed web server left half uploaded; nobody was told that it was accepted.
    oldest = time.time() - ABANDONED_UPLOAD_AFTER_S
    for file in incoming.glob("*"):
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
