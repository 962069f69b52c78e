"""All results of a job as a file, streamed: a million rows take no more memory than one."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response

from model import DISCLAIMER
from web.api.records import Export, Image, Job
from web.auth.requests import check_api_request, clinic_id
from web.services import services
from worker.records import ImageRecord, JobRecord

blueprint = APIBlueprint("exports", __name__, tag="Exports")
blueprint.before_request(check_api_request)

# Before and after the probabilities, of which there is a column for each label of the job.
COLUMNS_BEFORE = ("image_id", "filename", "status", "reason", "message", "label")
COLUMNS_AFTER = ("uncertain", "model", "finished_at")
ROWS_PER_CHUNK = 500
# A spreadsheet runs a cell that begins like this as a formula (OWASP, CSV injection); the last four
# are the wide forms of the first, which some take for the same.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@blueprint.get("/jobs/<int:job_id>/results.csv")
@blueprint.output(FileSchema(), content_type="text/csv")
def results_csv(job_id):
    """Download a job's results as CSV

    Cells that a spreadsheet would run as a formula begin with an apostrophe.
    """
    job = services().store.job(clinic_id(), job_id)
    images = services().store.all_images(clinic_id(), job_id)
    return _download(_csv_chunks(job.labels, images), "text/csv; charset=utf-8", job, "csv")


@blueprint.get("/jobs/<int:job_id>/results.json")
@blueprint.output(Export)
def results_json(job_id):
    """Download a job's results as JSON"""
    job = services().store.job(clinic_id(), job_id)
    images = services().store.all_images(clinic_id(), job_id)
    return _download(_json_chunks(Job.of(job), images), "application/json", job, "json")


def _csv_chunks(labels: Sequence[str], images: Iterator[ImageRecord]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([*COLUMNS_BEFORE, *labels, *COLUMNS_AFTER])
    for number, image in enumerate(images, start=1):
        writer.writerow(_csv_row(image, labels))
        if number % ROWS_PER_CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _csv_row(image: ImageRecord, labels: Sequence[str]) -> list[object]:
    result = image.result
    probabilities = result.probabilities if result else {}
    return [
        image.id,
        harmless(image.filename),
        image.status.value,
        image.reason,
        harmless(image.message),
        result.label if result else None,
        *(f"{probabilities[label]:.6f}" if label in probabilities else None for label in labels),
        str(result.uncertain).lower() if result else None,
        result.model if result else None,
        _utc(image.finished_at),
    ]


def _utc(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def harmless(text: str | None) -> str | None:
    """`text` as a cell that no spreadsheet takes for a formula.

    Where a comma is the decimal point, spreadsheets split cells at `;`, whatever is quoted.
    """
    return text and ";".join(map(_harmless_cell, text.split(";")))


def _harmless_cell(text: str) -> str:
    return f"'{text}" if text.lstrip(" \"'").startswith(FORMULA_STARTS) else text


def _json_chunks(job: Job, images: Iterator[ImageRecord]) -> Iterator[str]:
    head = Export(job=job, disclaimer=DISCLAIMER, results=[]).model_dump_json()
    yield head.removesuffix("]}")
    separator = "\n"
    for image in images:
        yield separator + Image.of(image).model_dump_json()
        separator = ",\n"
    yield "\n]}\n"


def _download(chunks: Iterator[str], kind: str, job: JobRecord, ending: str) -> Response:
    # The file's name holds no word of the user's: it ends up in download histories.
    headers = {"Content-Disposition": f'attachment; filename="cxr-job-{job.id}.{ending}"'}
    return Response(chunks, content_type=kind, headers=headers)
