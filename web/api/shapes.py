"""Views as JSON. Written out by hand: a list of 500 images is then a matter of a millisecond.

`web.api.schemas` documents the same shapes, and a test holds the two together.
"""

from datetime import UTC, datetime
from typing import Any

from worker.records import ImageRecord, JobRecord, MapRecord, Page

DISCLAIMER = "Research and triage support, not a diagnosis."


def job_json(job: JobRecord) -> dict[str, Any]:
    counts = job.counts
    speed, left = job.images_per_second, job.seconds_left
    return {
        "id": job.id,
        "name": job.name,
        "status": job.status.value,
        "urgent": job.urgent,
        "open": job.open,
        "counts": {
            "total": counts.total,
            "waiting": counts.waiting,
            "running": counts.running,
            "done": counts.done,
            "rejected": counts.rejected,
            "failed": counts.failed,
            "cancelled": counts.cancelled,
        },
        "progress": round(job.progress, 4),
        "images_per_second": None if speed is None else round(speed, 2),
        "seconds_left": None if left is None else round(left, 1),
        "content_sha256": job.content_sha256,
        "created_at": time_json(job.created_at),
        "started_at": time_json(job.started_at),
        "finished_at": time_json(job.finished_at),
    }


def image_json(image: ImageRecord) -> dict[str, Any]:
    result = None
    if image.result is not None:
        result = {
            "label": image.result.label,
            "probabilities": image.result.probabilities,
            "uncertain": image.result.uncertain,
            "model": image.result.model,
        }
    return {
        "id": image.id,
        "job_id": image.job_id,
        "filename": image.filename,
        "status": image.status.value,
        "reason": image.reason,
        "message": image.message,
        "result": result,
        "width": image.width,
        "height": image.height,
        "size_bytes": image.size_bytes,
        "attempts": image.attempts,
        "timings_ms": image.result.timings_ms if image.result else None,
        "created_at": time_json(image.created_at),
        "finished_at": time_json(image.finished_at),
    }


def attention_json(attention: MapRecord, model: str | None) -> dict[str, Any]:
    height, width = attention.grid.shape
    left, top, right, bottom = attention.box
    return {
        "grid": [[round(float(value), 4) for value in row] for row in attention.grid],
        "height": height,
        "width": width,
        "box": {"left": left, "top": top, "right": right, "bottom": bottom},
        "model": model,
    }


def page_json(page: Page, item_json) -> dict[str, Any]:
    return {"items": [item_json(item) for item in page.items], "next_cursor": page.next_cursor}


def time_json(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond: 2026-11-23T02:30:00.000Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
