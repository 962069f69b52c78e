"""How it grows: more workers, larger jobs, a million rows."""

import statistics
import time
from collections.abc import Callable

import httpx

from tests.support.rows import create_job
from web.local.temporary import RunningSystem
from worker.records.images import ImageStatus, MapRecord
from worker.records.jobs import NewImage
from worker.records.work import FinishedImage, NewResult
from worker.store import DEFAULT_CLINIC, Store

ROWS_PER_JOB = 10_000


def fill_with_rows(system: RunningSystem, rows: int, progress: Callable[[int], None]) -> int:
    """Add jobs of classified images through the store's own verbs. Returns: the last job's id."""
    import numpy as np

    store = Store(f"sqlite:///{system.home / 'cxr.db'}")
    clinic = store.ensure_clinic(DEFAULT_CLINIC, system.token)
    attention = MapRecord("attention", np.zeros((9, 9), np.float16), (0.06, 0.06, 0.94, 0.94))
    labels = ("COVID19", "NORMAL", "PNEUMONIA")
    job_id = 0
    for start in range(0, rows, ROWS_PER_JOB):
        count = min(ROWS_PER_JOB, rows - start)
        images = [NewImage(f"{number}.png", f"00/{number}", 50_000) for number in range(count)]
        # Urgent, so that the claims below get these rows and no others.
        job_id = create_job(store, clinic.id, f"rows from {start}", images, urgent=True).id
        while claims := store.claim(1000, lease_s=3600):
            store.save(
                [
                    FinishedImage(
                        claim=claim,
                        status=ImageStatus.DONE,
                        width=1024,
                        height=1024,
                        result=NewResult(
                            model="bench",
                            label=labels[claim.image_id % 3],
                            probabilities=dict.fromkeys(labels, 1 / 3),
                            uncertain=True,
                            maps=[attention],
                            timings_ms={"decode": 5.0, "gate": 1.0, "infer": 30.0},
                        ),
                    )
                    for claim in claims
                ]
            )
        progress(count)
    store.close()
    return job_id


def page_latencies_ms(client: httpx.Client, job_id: int, requests: int) -> dict[str, float]:
    """95th percentile of the requests that pages and programs make most, in milliseconds.

    requests: of each kind.
    """
    pages = {
        "GET /jobs": "/jobs",
        "GET /jobs/{id}": f"/jobs/{job_id}",
        "GET /jobs/{id}/images": f"/jobs/{job_id}/images?limit=100",
        "GET /jobs/{id}/images?label=": f"/jobs/{job_id}/images?label=NORMAL&limit=100",
        "GET /images?label=": "/images?label=NORMAL&limit=100&sort=newest",
        "GET /images?label=&sort=suspicion": "/images?label=NORMAL&limit=100&sort=suspicion",
        "GET /images?status=failed": "/images?status=failed&limit=100&sort=newest",
        # Of each job one, and none.
        "GET /images?search=": "/images?search=1234.PNG&limit=100&sort=suspicion",
        "GET /images?search=, nothing": "/images?search=nowhere&limit=100&sort=suspicion",
    }
    return {name: _p95_ms(client, path, requests) for name, path in pages.items()}


def _p95_ms(client: httpx.Client, path: str, requests: int) -> float:
    samples = []
    for _ in range(requests):
        began = time.perf_counter()
        client.get(path).raise_for_status()
        samples.append(1000 * (time.perf_counter() - began))
    return statistics.quantiles(samples, n=20)[-1]
