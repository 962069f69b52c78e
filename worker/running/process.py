"""A worker process: Celery's consumer around one loaded model.

The pool is `solo`: Celery's own child processes would each cost a second interpreter and a pipe,
and a crash takes one process either way. `cxr worker` starts as many processes as are wanted.
"""

import logging
import os
import signal
import socket
import threading
from typing import Any

from celery import Celery, bootsteps
from celery.signals import worker_ready, worker_shutting_down
from celery.worker import WorkController
from sqlalchemy.exc import OperationalError

from model.classifier import Classifier
from worker.files.image_files import ImageFiles
from worker.liveness.heartbeat import Heartbeat
from worker.liveness.pulse import Pulse
from worker.liveness.watchdog import Watchdog
from worker.queue.application import CLASSIFY, QUEUE, make_celery
from worker.queue.dispatch import Dispatcher
from worker.running.identity import this_process
from worker.running.passing_on import pass_on
from worker.running.runner import Runner, TimeSlice
from worker.settings import Settings
from worker.store import Store
from worker.store.migrations import check_up_to_date

log = logging.getLogger(__name__)

SLICE_S = 20.0
DATABASE_AGAIN_AFTER_S = 1.0
STDERR, OUT_OF_MEMORY = 2, b"out of memory: this worker ends, and what it held is tried alone\n"


def run_worker(settings: Settings) -> int:
    """Load the model, then consume until SIGTERM or SIGQUIT. Returns: the exit code, 1 after an
    error that another image would meet as well.

    Raises ModelError when there is no usable model, DatabaseOutOfDate before `cxr migrate`,
    FileLocked without a key that files are encrypted with.
    """
    store = Store(settings.database_url)
    check_up_to_date(store.database)
    classifier = Classifier.load(settings.artifact, settings.device)
    pulse = Pulse(
        store,
        this_process(settings.device, classifier.version),
        settings.lease_s,
        settings.image_limit_s,
        Watchdog(settings.image_limit_s),
        Heartbeat(settings.home, "worker"),
    )
    with_shadow = settings.shadow_artifact is not None
    runner = Runner(store, ImageFiles.of(settings), classifier, pulse, with_shadow)
    dispatcher = Dispatcher(store, settings)
    stopping, broken = threading.Event(), threading.Event()
    celery = make_celery(settings, while_unreachable=pulse.beat)
    celery.steps["consumer"].add(_beats_while_idle(pulse))

    @celery.task(name=CLASSIFY, ignore_result=True)
    def classify(*_: object, **__: object) -> None:
        # A wake-up, whatever another version wrote into it: the claim decides which images to take.
        while not stopping.is_set():
            try:
                if not runner.run(TimeSlice(SLICE_S, also=stopping.is_set)):
                    pass_on(store, dispatcher, classifier.version, rest=stopping.wait)
                return
            except OperationalError as error:
                log.warning("the database is unreachable (%s)", type(error.orig).__name__)
                pulse.rest()  # waiting is not hanging
                pulse.beat()
                stopping.wait(DATABASE_AGAIN_AFTER_S)
            except MemoryError:
                # At once: whatever else is done here may need memory too.
                os.write(STDERR, OUT_OF_MEMORY)
                os._exit(1)
            except Exception:
                # Going on with a bug would spoil image after image: a new process takes this one's
                # place, and what it held is tried alone.
                log.exception("this worker ends")
                broken.set()
                signal.raise_signal(signal.SIGTERM)
                return
            finally:
                pulse.rest()

    def stop_after_this_batch(**_: object) -> None:
        stopping.set()

    worker_shutting_down.connect(stop_after_this_batch)
    worker_ready.connect(_quit_as_on_sigterm)
    consumer = _consumer(celery)
    pulse.beat()
    try:
        consumer.start()
    finally:
        pulse.stop()
        dispatcher.close()
        store.close()
    return 1 if broken.is_set() else consumer.exitcode or 0


def _beats_while_idle(pulse: Pulse) -> type[bootsteps.StartStopStep]:
    """A step of Celery's consumer: its own loop beats, so that one that hangs is seen as dead."""

    class Beats(bootsteps.StartStopStep):
        def start(self, consumer: Any) -> None:
            self._timer = consumer.timer.call_repeatedly(pulse.every_s, pulse.beat)

        def stop(self, consumer: Any) -> None:
            self._timer.cancel()

    return Beats


def _consumer(celery: Celery) -> WorkController:
    return celery.Worker(
        pool="solo",
        hostname=f"cxr-{os.getpid()}@{socket.gethostname()}",
        queues=[QUEUE],
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )


def _quit_as_on_sigterm(**_: object) -> None:
    # Celery would cancel the task, which its solo pool cannot, and then go on without an end.
    signal.signal(signal.SIGQUIT, signal.getsignal(signal.SIGTERM))
