"""What the death of a worker costs: a job with kill -9 of one of two workers, and one without."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.bench import cost
from tests.bench.files import api, submit
from tests.bench.system import CLOSE_POLL_S, wait_until_complete
from web.local.temporary import RunningSystem

WORKERS = 2


def seconds(system: RunningSystem, files: Sequence[Path], kill: bool) -> float:
    """From the upload to the last result. `kill`: one worker dies when a quarter is done."""
    with api(system) as client:
        began = time.perf_counter()
        job_id = submit(client, files)
        if kill:
            _wait_for_results(client, job_id, len(files) // 4)
            os.kill(cost.children(system)["worker-1"], signal.SIGKILL)
        job = wait_until_complete(client, job_id, CLOSE_POLL_S)
        assert job["counts"]["failed"] == 0, job["counts"]
        return time.perf_counter() - began


def wait_for_workers(system: RunningSystem) -> None:
    """Until both are up again: the next round must find the same system."""
    while httpx.get(f"{system.url}/readyz").json()["workers"] != WORKERS:
        time.sleep(0.1)


def _wait_for_results(client: httpx.Client, job_id: int, count: int) -> None:
    while True:
        counts = client.get(f"/jobs/{job_id}").json()["counts"]
        if counts["total"] - counts["waiting"] - counts["running"] >= count:
            return
        time.sleep(CLOSE_POLL_S)
