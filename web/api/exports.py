"""Exports of results, streamed: a million rows take no more memory than one."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response

from model import DISCLAIMER
from web.api.inputs.images import ExportQuery, FilterQuery
from web.api.records.exports import Export
from web.api.records.jobs import Job
from web.api.records.reviews import Review, ReviewedImage
from web.auth.permissions import permits
from web.auth.requests import clinic_id
from web.services import services
from web.showing.blind import viewer
from worker.access import Scope
from worker.records.images import ImageRecord
from worker.records.jobs import JobRecord
from worker.records.reviews import ReviewRecord

blueprint = APIBlueprint("exports", __name__, tag="Exports")

# Before and after the probabilities, of which there is a column for each label of the job.
COLUMNS_BEFORE = ("image_id", "filename", "status", "reason", "message", "label")
COLUMNS_AFTER = (
    *("uncertain", "uncertain_reasons", "triage_flagged", "triage_score", "triage_threshold"),
    *("model", "finished_at", "refused_before", "classified_anyway_by"),
    *("reviewed_by", "review_label", "review_comment", "readers_disagree"),
)
UNUSABLE = "UNUSABLE"
Reviewed = tuple[ImageRecord, list[ReviewRecord]]
ROWS_PER_CHUNK = 500
CSV = "text/csv; charset=utf-8"
# A spreadsheet runs a cell that begins like this as a formula (OWASP, CSV injection); the last four
# are the wide forms of the first, which some take for the same.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@blueprint.get("/jobs/<int:job_id>/results.csv")
@permits(Scope.READ)
@blueprint.input(FilterQuery, location="query", arg_name="query")
@blueprint.output(FileSchema(), content_type="text/csv")
def results_csv(job_id, query):
    """Download a job's results as CSV

    Cells that a spreadsheet would run as a formula begin with an apostrophe.
    """
    job = services().store.job(clinic_id(), job_id)
    images = _images(job, query)
    chunks = _csv_chunks(job.labels, _reviewed(images))
    return _download(chunks, CSV, f"cxr-job-{job.id}.csv")


@blueprint.get("/results.csv")
@permits(Scope.READ)
@blueprint.input(ExportQuery, location="query", arg_name="query")
@blueprint.output(FileSchema(), content_type="text/csv")
def results_of_clinic_csv(query):
    """Download results across jobs as CSV

    With a column for the job; the same filters as `GET /images`, and `jobs`.
    """
    store = services().store
    labels = store.labels(clinic_id())
    images = _images(None, query)
    chunks = _csv_chunks(labels, _reviewed(images), with_job=True)
    return _download(chunks, CSV, "cxr-results.csv")


@blueprint.get("/jobs/<int:job_id>/results.json")
@permits(Scope.READ)
@blueprint.input(FilterQuery, location="query", arg_name="query")
@blueprint.output(Export)
def results_json(job_id, query):
    """Download a job's results as JSON"""
    job = services().store.job(clinic_id(), job_id)
    images = _images(job, query)
    return _download(
        _json_chunks(Job.of(job), _reviewed(images)), "application/json", f"cxr-job-{job.id}.json"
    )


def _images(job: JobRecord | None, query: FilterQuery) -> Iterator[ImageRecord]:
    listed = viewer().listed(job, query.wanted, query.sort)
    return services().store.all_images(clinic_id(), job and job.id, *listed)


def _csv_chunks(
    labels: Sequence[str], chunks: Iterator[list[Reviewed]], with_job: bool = False
) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    before = ["job_id"] if with_job else []
    writer.writerow([*before, *COLUMNS_BEFORE, *labels, *COLUMNS_AFTER])
    for chunk in chunks:
        for image, reviews in chunk:
            of_job = [image.job_id] if with_job else []
            writer.writerow([*of_job, *_csv_row(image, labels, reviews)])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _reviewed(images: Iterator[ImageRecord]) -> Iterator[list[Reviewed]]:
    """The images with their reviews, in chunks. Reads what it is streamed with beforehand: a stream
    has no request any more."""
    asking = viewer()

    def chunks() -> Iterator[list[Reviewed]]:
        while chunk := list(islice(images, ROWS_PER_CHUNK)):
            reviews = asking.reviews([image.id for image in chunk])
            shown = asking.without_hidden(chunk)
            yield [(image, reviews.get(image.id, [])) for image in shown]

    return chunks()


def _csv_row(
    image: ImageRecord, labels: Sequence[str], reviews: Sequence[ReviewRecord]
) -> list[object]:
    result = image.result
    probabilities = result.probabilities if result else {}
    triage = result.triage if result else None
    return [
        image.id,
        harmless(image.filename),
        image.status.value,
        image.reason,
        harmless(image.message),
        result.label if result else None,
        *(f"{probabilities[label]:.6f}" if label in probabilities else None for label in labels),
        str(result.uncertain).lower() if result else None,
        " ".join(result.uncertain_reasons) if result else None,
        str(triage.flagged).lower() if triage else None,
        f"{triage.score:.6f}" if triage else None,
        f"{triage.threshold:.6f}" if triage else None,
        result.model if result else None,
        _utc(image.finished_at),
        image.waiver.reason if image.waiver else None,
        harmless(image.waiver.by) if image.waiver else None,
        # Of several readers, in the same order in each column.
        harmless("; ".join(review.reader for review in reviews)),
        "; ".join(review.label or UNUSABLE for review in reviews),
        harmless("; ".join(review.comment for review in reviews if review.comment)),
        str(len({review.label for review in reviews}) > 1).lower() if len(reviews) > 1 else None,
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


def _json_chunks(job: Job, chunks: Iterator[list[Reviewed]]) -> Iterator[str]:
    head = Export(job=job, disclaimer=DISCLAIMER, results=[]).model_dump_json()
    yield head.removesuffix("]}")
    separator = "\n"
    for chunk in chunks:
        for image, reviews in chunk:
            shown = ReviewedImage.of(image)
            shown.reviews = [Review.of(review) for review in reviews]
            yield separator + shown.model_dump_json()
            separator = ",\n"
    yield "\n]}\n"


def _download(chunks: Iterator[str], kind: str, filename: str) -> Response:
    # The file's name holds no word of the user's: it ends up in download histories.
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(chunks, content_type=kind, headers=headers)
