"""What queue and database cost per image, with nothing else going on: claim, save, messages."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from model.classifier import Classifier
from tests.bench.cost import cpu_seconds
from tests.support.rows import create_job
from worker.queue.dispatch import Dispatcher
from worker.records.images import ImageStatus, MapRecord
from worker.records.jobs import NewImage
from worker.records.work import Claim, FinishedImage, NewResult
from worker.settings import Settings
from worker.store import DEFAULT_CLINIC, Store
from worker.store.migrations import migrate
from worker.supervise.valkey import EmbeddedValkey

IMAGES = 400
POLL_S = 0.05
START_S, TAKE_S = 30.0, 60.0


def queue_and_save_ms(images: int = IMAGES) -> dict[str, float]:
    """Milliseconds of processor time per image, by stage; `take` is a worker's, for a message whose
    image is done already."""
    with tempfile.TemporaryDirectory(prefix="cxr-") as folder:
        valkey = EmbeddedValkey(Path(folder) / "valkey")
        settings = Settings(home=Path(folder), redis_url=valkey.url, workers=1)
        server = subprocess.Popen(valkey.command(), stdout=subprocess.DEVNULL)
        store = Store(settings.database_url)
        dispatcher = Dispatcher(store, settings)
        try:
            valkey.wait(server)
            migrate(store.database)
            clinic = store.ensure_clinic(DEFAULT_CLINIC, "bench")
            files = [NewImage(f"{number}.png", "-/-", 1) for number in range(images)]
            create_job(store, clinic.id, "bench", files)
            sent, claimed, saved = _own_ms(dispatcher, store)
            taken = _worker_ms(settings, dispatcher)
        finally:
            dispatcher.close()
            store.close()
            server.terminate()
            server.wait()
            valkey.clean_up()
    found = {"claim": claimed, "save": saved, "send": sent, "take": taken}
    return {stage: ms / images for stage, ms in found.items()}


def _own_ms(dispatcher: Dispatcher, store: Store) -> tuple[float, float, float]:
    """Processor time of sending, claiming and saving all that waits."""
    began = time.process_time()
    dispatcher.send_waiting()
    sent = time.process_time() - began
    batch = Classifier.load(Settings.from_env().artifact).batch_size
    claimed = saved = 0.0
    while True:
        began = time.process_time()
        claims = store.claim(batch, lease_s=3600)
        middle = time.process_time()
        claimed += middle - began
        if not claims:
            return 1000 * sent, 1000 * claimed, 1000 * saved
        store.save([_outcome(claim) for claim in claims])
        saved += time.process_time() - middle


def _worker_ms(settings: Settings, dispatcher: Dispatcher) -> float:
    """Processor time of a worker that takes all messages and finds nothing to do.

    The time that it takes to start is not in it: it is measured when the first message is gone.
    """
    waiting = dispatcher.queue_length()
    worker = subprocess.Popen(
        [sys.executable, "-m", "cxr", "worker"],
        env={**os.environ, **settings.environment()},
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until(lambda: dispatcher.queue_length() < waiting, START_S)
        began, left = cpu_seconds(worker.pid), dispatcher.queue_length()
        _wait_until(lambda: dispatcher.queue_length() == 0, TAKE_S)
        return 1000 * (cpu_seconds(worker.pid) - began) * waiting / max(1, left)
    finally:
        worker.terminate()
        worker.wait()


def _wait_until(done, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"A worker of the benchmark did nothing for {timeout_s:.0f} s.")
        time.sleep(POLL_S)


def _outcome(claim: Claim) -> FinishedImage:
    return FinishedImage(
        claim=claim,
        status=ImageStatus.DONE,
        width=1024,
        height=1024,
        result=NewResult(
            model="bench",
            label="NORMAL",
            probabilities={"COVID19": 0.1, "NORMAL": 0.8, "PNEUMONIA": 0.1},
            uncertain=False,
            maps=[MapRecord("attention", np.zeros((9, 9), np.float16), (0.06, 0.06, 0.94, 0.94))],
            timings_ms={"decode": 5.0, "gate": 1.0, "prepare": 1.0, "infer": 15.0},
        ),
    )
