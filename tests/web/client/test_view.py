"""What the client's commands say of a job."""

import io

import pytest
from rich.console import Console

from web.client.view import jobs_table, status_lines

COUNTS = {"total": 2, "done": 1, "rejected": 0, "failed": 0, "cancelled": 0}
JOB = {
    "id": 7,
    "name": "scans",
    "status": "running",
    "open": False,
    "urgent": False,
    "model": "one-1.0",
    "seconds_left": 3.0,
    "counts": COUNTS,
    "created_at": "2026-11-23T02:30:00Z",
}


@pytest.mark.parametrize(
    ("waiting_for", "status", "why"),
    [
        (None, "running", "about 3 s left"),
        ("workers", "waiting", "no worker is up"),
        ("model", "waiting", "waiting for a worker with model one-1.0"),
    ],
)
def test_a_job_that_no_worker_goes_on_with_is_not_called_running(waiting_for, status, why):
    job = {**JOB, "waiting_for": waiting_for}
    assert status_lines(job) == (f"Job 7: scans ({status})\n1 of 2 images finished: 1 done, {why}")
    console = Console(file=io.StringIO(), width=180)
    console.print(jobs_table([job]))
    assert f" {status} " in console.file.getvalue()
    assert why in console.file.getvalue()
