"""The system: from upload to result through the REST API, as its users meet it."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import httpx

from tests.bench.files import contents, submit, submit_contents
from web.client.http import FIRST_POLL_S

# For a single image: fine enough for its latency, and no load that would delay it.
CLOSE_POLL_S = 0.02


def system_images_per_second(client: httpx.Client, files: Sequence[Path]) -> float:
    """From the first byte of the upload until the job is complete, by its own `finished_at`.

    Polling is as rare as a client's, so that it costs the workers little; the job's own time is
    finer than the polls. As with the peers, the files are read before the clock starts.
    """
    parts = contents(files)
    began = datetime.now(UTC)
    job = wait_until_complete(client, submit_contents(client, parts))
    return len(files) / (datetime.fromisoformat(job["finished_at"]) - began).total_seconds()


def first_result_s(client: httpx.Client, files: Sequence[Path]) -> dict[str, float]:
    """Seconds after the first byte of an upload of `files`: to its first result, to its answer.

    The clinic sees results with the answer; the first one exists so much earlier.
    """
    parts = contents(files)
    began = datetime.now(UTC)
    answer = client.post("/jobs", data={"name": "first"}, files=parts)
    answered_s = (datetime.now(UTC) - began).total_seconds()
    answer.raise_for_status()
    job_id = answer.json()["id"]
    wait_until_complete(client, job_id)
    # In upload order, so it is among the first.
    page = client.get(f"/jobs/{job_id}/images", params={"limit": 100}).json()
    first = min(datetime.fromisoformat(image["finished_at"]) for image in page["items"])
    return {"first": (first - began).total_seconds(), "answer": answered_s}


def wait_until_complete(client: httpx.Client, job_id: int, poll_s: float = FIRST_POLL_S) -> dict:
    """Polls with the ETag of the last answer; as often as `cxr submit --wait` if not told.

    Returns: the job as it is at its end.
    """
    etag = ""
    while True:
        answer = client.get(f"/jobs/{job_id}", headers={"If-None-Match": etag})
        if answer.status_code == httpx.codes.OK:
            job = answer.json()
            if job["status"] != "running":
                return job
            etag = answer.headers["ETag"]
        time.sleep(poll_s)


def latencies_s(client: httpx.Client, file: Path, count: int, pause_s: float) -> list[float]:
    """Seconds from upload to result of single urgent images, one after the other."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        wait_until_complete(client, submit(client, [file], urgent=True), CLOSE_POLL_S)
        found.append(time.perf_counter() - began)
        time.sleep(pause_s)
    return found


def latencies_under_bulk_s(
    client: httpx.Client, files: Sequence[Path], urgent: Path, count: int
) -> list[float]:
    """The same while a bulk job of `files` runs; the rest of that job is cancelled at the end."""
    bulk = submit(client, files)
    try:
        found = latencies_s(client, urgent, count, pause_s=0.5)
        if client.get(f"/jobs/{bulk}").json()["status"] != "running":
            raise click.UsageError(
                f"The bulk job of {len(files)} images ended before {count} urgent ones: "
                "give --bulk a larger number."
            )
        return found
    finally:
        client.post(f"/jobs/{bulk}/cancel")
        wait_until_drained(client, bulk)


def wait_until_drained(client: httpx.Client, job_id: int) -> None:
    while client.get(f"/jobs/{job_id}").json()["counts"]["running"]:
        time.sleep(FIRST_POLL_S)
