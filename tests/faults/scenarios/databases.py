"""A database that is locked, restarts or goes away."""

import threading
import time

from tests.faults.scenarios.registry import scenario
from tests.faults.trial import Trial


@scenario()
def database_locked(trial: Trial) -> None:
    """The database locked for 30 s, while an upload comes"""
    trial.in_the_middle()
    with trial.machine.database.locked():
        uploading = _in_background(trial)
        time.sleep(trial.outage_s(30))
    trial.over()
    uploading.join()


@scenario(only="postgresql")
def database_restarted(trial: Trial) -> None:
    """PostgreSQL crashes and is restarted"""
    trial.in_the_middle()
    trial.machine.database.crash()
    trial.machine.database.start()
    trial.over()


@scenario(only="postgresql")
def database_gone(trial: Trial) -> None:
    """PostgreSQL gone for 30 s, while an upload is tried again and again"""
    trial.in_the_middle()
    trial.machine.database.crash()
    try:
        uploading = _in_background(trial)
        time.sleep(trial.outage_s(30))
    finally:
        trial.machine.database.start()
    trial.over()
    uploading.join()


def _in_background(trial: Trial) -> threading.Thread:
    thread = threading.Thread(target=trial.upload)
    thread.start()
    return thread
