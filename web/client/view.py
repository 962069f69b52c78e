"""What the client's commands show in a terminal: progress bars, and results as a table."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from model import DISCLAIMER
from web.client.http import Client, Json

FINAL = ("done", "rejected", "failed", "cancelled")
COLOURS = {"done": "green", "rejected": "yellow", "failed": "red", "cancelled": "dim"}
# Without a terminal there is no width to fit into; a narrow guess would break file names apart.
WIDTH_WITHOUT_TERMINAL = 180


def console(stderr: bool = False) -> Console:
    """A console for people; progress goes to stderr, so that stdout holds results only."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(stderr=stderr, width=width, highlight=False)


@contextlib.contextmanager
def upload_bar(total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Shows bytes as they leave. Gives the function to call with how many have left so far."""
    columns = (
        TextColumn("Uploading  "),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(stderr=True)) as progress:
        task = progress.add_task("", total=total_bytes)
        yield lambda sent: progress.update(task, completed=sent)


def follow(client: Client, job_id: int) -> Json:
    """Shows a job's progress until it ends. Returns: the job at its end."""
    columns = (
        TextColumn("Classifying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
    )
    with Progress(*columns, console=console(stderr=True)) as progress:
        task = progress.add_task("", total=None, counts="")
        for job in client.watch(job_id):
            progress.update(
                task,
                total=job["counts"]["total"],
                completed=finished(job),
                counts=summary(job),
            )
    return job


def finished(job: Json) -> int:
    """How many of the job's images have got their last status."""
    return sum(job["counts"][status] for status in FINAL)


def summary(job: Json) -> str:
    """The counts that are not zero and the time left: "38 done, 2 rejected, about 12 s left"."""
    counts = job["counts"]
    parts = [f"{counts[status]} {status}" for status in FINAL if counts[status]]
    if job["waiting_for"] == "workers":
        parts.append("no worker is up")
    elif job["waiting_for"] == "model":
        parts.append(f"waiting for a worker with model {job['model']}")
    elif job["status"] == "running" and job["seconds_left"] is not None:
        parts.append(f"about {job['seconds_left']:.0f} s left")
    return ", ".join(parts)


def status_lines(job: Json) -> str:
    """A job in two lines."""
    urgent = ", urgent" if job["urgent"] else ""
    status = job_status(job)
    total = job["counts"]["total"]
    progress = f"{finished(job)} of {total} images finished"
    return (
        f"Job {job['id']}: {job['name']} ({status}{urgent})\n"
        f"{': '.join(filter(None, [progress, summary(job)]))}"
    )


def jobs_table(jobs: Iterable[Json]) -> Table:
    """Jobs with status, counts and, in local time, when they were uploaded."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("Job", justify="right")
    table.add_column("Name", overflow="fold")
    table.add_column("Status")
    table.add_column("Images", justify="right")
    table.add_column("Finished")
    table.add_column("Uploaded")
    for job in jobs:
        uploaded = datetime.fromisoformat(job["created_at"]).astimezone()
        table.add_row(
            str(job["id"]),
            Text(job["name"]),
            job_status(job),
            str(job["counts"]["total"]),
            summary(job),
            uploaded.strftime("%Y-%m-%d %H:%M"),
        )
    return table


def job_status(job: Json) -> str:
    """Without a worker nothing runs. An open job runs until it is closed, whatever it has left to
    do."""
    if job["waiting_for"] is not None:
        return "waiting"
    return "open" if job["open"] and job["status"] == "running" else job["status"]


def results_table(images: Iterable[Json]) -> Table:
    """Images with result, probabilities and reason."""
    images = list(images)
    labels = list(dict.fromkeys(label for image in images for label in _probabilities(image)))
    table = Table(box=box.SIMPLE_HEAD, caption=DISCLAIMER, caption_justify="left")
    table.add_column("File", overflow="fold")
    table.add_column("Result")
    for label in labels:
        table.add_column(label, justify="right")
    table.add_column("Reason", overflow="fold")
    for image in images:
        table.add_row(*_row(image, labels))
    return table


def _row(image: Json, labels: list[str]) -> list[Text]:
    # Text, not str: a file's name may hold what rich takes for markup.
    result: dict[str, Any] = image["result"] or {}
    probabilities = _probabilities(image)
    status = image["status"]
    return [
        Text(image["filename"]),
        Text(
            result.get("label", status) + (" (uncertain)" if result.get("uncertain") else ""),
            style=COLOURS.get(status, ""),
        ),
        *(
            Text(f"{probabilities[label]:.3f}" if label in probabilities else "")
            for label in labels
        ),
        Text(image["message"] or ""),
    ]


def _probabilities(image: Json) -> dict[str, float]:
    """By label, in the model's order; empty without a result."""
    return image["result"]["probabilities"] if image["result"] else {}
