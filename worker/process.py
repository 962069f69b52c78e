"""A worker process: Celery's consumer around one loaded model.

The pool is `solo`: Celery's own child processes would each cost a second interpreter and a pipe,
and a crash takes one process either way. `cxr worker` starts as many processes as are wanted.
"""

import os
import socket
import threading

from celery.signals import worker_shutting_down

from model.classifier import Classifier
from worker.files import ImageFiles
from worker.heartbeat import Heartbeat
from worker.migrations import check_up_to_date
from worker.queue import CLASSIFY, QUEUE, make_celery
from worker.runner import Runner, TimeSlice
from worker.settings import Settings
from worker.store import Store

SLICE_S = 20.0
BEAT_EVERY_S = 10.0


def run_worker(settings: Settings) -> int:
    """Load the model, then consume until SIGTERM. Returns: the exit code.

    Raises ModelError when there is no usable model, DatabaseOutOfDate before `cxr migrate`.
    """
    store = Store(settings.database_url)
    check_up_to_date(store.database)
    classifier = Classifier.load(settings.artifact, settings.device)
    heartbeat = Heartbeat(settings.home, "worker")
    runner = Runner(
        store, ImageFiles(settings.images_dir), classifier, settings.lease_s, heartbeat.beat
    )
    stopping = threading.Event()
    celery = make_celery(settings)

    @celery.task(name=CLASSIFY, ignore_result=True)
    def classify(image_id: int) -> None:
        # The id says which image is new; which images to take is decided by the claim.
        runner.run(TimeSlice(SLICE_S, also=stopping.is_set))

    def stop_after_this_batch(**_: object) -> None:
        stopping.set()

    worker_shutting_down.connect(stop_after_this_batch)
    consumer = celery.Worker(
        pool="solo",
        hostname=f"cxr-{os.getpid()}@{socket.gethostname()}",
        queues=[QUEUE],
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    threading.Thread(
        target=_beat_while_idle, args=(heartbeat, stopping), name="heartbeat", daemon=True
    ).start()
    try:
        consumer.start()
    finally:
        heartbeat.stop()
        store.close()
    return consumer.exitcode or 0


def _beat_while_idle(heartbeat: Heartbeat, stopping: threading.Event) -> None:
    while not stopping.wait(BEAT_EVERY_S):
        heartbeat.beat()
