"""Jobs: upload, list, watch, cancel, and the images of one."""

import base64
import binascii

from apiflask import APIBlueprint
from flask import Request, Response, jsonify, request
from marshmallow import ValidationError

from web.api.caching import conditional, etag_of
from web.api.openapi import NOT_MODIFIED, UPLOAD_BODY
from web.api.schemas import ImagePage, ImagesQuery, InlineJob, Job, JobPage, JobsQuery
from web.api.shapes import image_json, job_json, page_json
from web.auth import check_api_request, clinic_id
from web.errors import InvalidUpload, UnsupportedUpload
from web.multipart import Part, parts
from web.services import services
from web.uploads import MEGABYTE, Upload, printable
from worker.views import ImageStatus

blueprint = APIBlueprint("jobs", __name__, tag="Jobs")
blueprint.before_request(check_api_request)

FIELD_BYTES = 10_000
# JSON is held in memory, three times over while it is decoded; multipart is not.
JSON_MEGABYTES = 32
YES, NO = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}
LOCATION = {"Location": {"schema": {"type": "string"}, "description": "/api/v1/jobs/{id}"}}
WHAT_TO_SEND = (
    "Send the files as multipart/form-data in the field `files` (repeat it for each file), or JSON "
    '{"name": "...", "images": [{"filename": "...", "data": "data:image/png;base64,..."}]}.'
)


@blueprint.post("/jobs")
@blueprint.doc(
    extensions={"requestBody": UPLOAD_BODY},
    responses={
        202: {"headers": LOCATION},
        413: "The upload is over a limit of this server.",
        415: "The body is neither multipart/form-data nor JSON.",
        422: "The upload cannot be understood; the detail says what to send.",
        507: "The server's disk is full.",
    },
)
@blueprint.output(
    Job,
    status_code=202,
    description="Every file is stored durably; the job's address is in `Location`.",
)
def create_job():
    """Upload images

    A zip archive becomes one image for each of its members. A file that cannot be used gets the
    status `rejected` with a reason, and the others go on.
    """
    here = services()
    with Upload(here.files, here.settings) as upload:
        if request.mimetype == "multipart/form-data":
            name, urgent = _read_multipart(request, upload)
        elif request.is_json:
            name, urgent = _read_json(request, upload)
        else:
            raise UnsupportedUpload(f"Received: {request.mimetype or 'no type'}. {WHAT_TO_SEND}")
        if not upload:
            raise InvalidUpload(f"The upload holds no files. {WHAT_TO_SEND}", "no_files")
        name = printable(name.strip()) or upload.default_name()
        job = here.store.create_job(clinic_id(), name, upload.rows(), urgent=urgent)
        upload.committed()
    here.dispatcher.wake(job.id)
    response = jsonify(job_json(job))
    response.status_code = 202
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return response


@blueprint.get("/jobs")
@blueprint.input(JobsQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED)
@blueprint.output(JobPage)
def list_jobs(query):
    """List jobs, newest first"""
    page = services().store.jobs(clinic_id(), **query)
    etag = etag_of([(job.id, job.revision) for job in page.items], page.next_cursor)
    return conditional(etag, lambda: jsonify(page_json(page, job_json)))


@blueprint.get("/jobs/<int:job_id>")
@blueprint.doc(responses=NOT_MODIFIED)
@blueprint.output(Job)
def get_job(job_id):
    """Watch a job

    Poll it with If-None-Match: 304 costs next to nothing.
    """
    job = services().store.job(clinic_id(), job_id)
    return conditional(
        etag_of(job.id, job.created_at, job.revision), lambda: jsonify(job_json(job))
    )


@blueprint.post("/jobs/<int:job_id>/cancel")
@blueprint.output(Job)
def cancel_job(job_id):
    """Cancel a job

    What has not begun is cancelled; what a worker has in hand is finished.
    """
    return jsonify(job_json(services().store.cancel_job(clinic_id(), job_id)))


@blueprint.get("/jobs/<int:job_id>/images")
@blueprint.input(ImagesQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED)
@blueprint.output(ImagePage)
def list_images(job_id, query):
    """List a job's images, in upload order"""
    store = services().store
    # The revision is read before the images: they can be newer than their tag, never older.
    job = store.job(clinic_id(), job_id)
    etag = etag_of(job.id, job.created_at, job.revision, sorted(query.items()))

    def make() -> Response:
        status = ImageStatus(query["status"]) if "status" in query else None
        page = store.images(clinic_id(), job_id, **query | {"status": status})
        return jsonify(page_json(page, image_json))

    return conditional(etag, make)


def _read_multipart(request: Request, upload: Upload) -> tuple[str, bool]:
    fields = {"name": "", "urgent": ""}
    for part in parts(request):
        if part.filename:
            if part.name != "files":
                raise InvalidUpload(f"A file came in another field. {WHAT_TO_SEND}")
            upload.add(part.filename, part.chunks)
            continue
        value = _field_value(part)
        if part.name in fields:
            fields[part.name] = value.decode(errors="replace")
        elif value:
            raise InvalidUpload(f"There is a field that has no meaning here. {WHAT_TO_SEND}")
    urgent = fields["urgent"].strip().lower()
    if urgent not in YES | NO:
        raise InvalidUpload("The field `urgent` must be true or false.")
    return fields["name"], urgent in YES


def _field_value(part: Part) -> bytes:
    value = b""
    for chunk in part.chunks:
        value += chunk
        if len(value) > FIELD_BYTES:
            raise InvalidUpload(f"A field is longer than {FIELD_BYTES} bytes. {WHAT_TO_SEND}")
    return value


def _read_json(request: Request, upload: Upload) -> tuple[str, bool]:
    request.max_content_length = JSON_MEGABYTES * MEGABYTE
    try:
        job = InlineJob().load(request.get_json())
    except RecursionError as error:
        raise InvalidUpload(f"The JSON is nested too deeply. {WHAT_TO_SEND}") from error
    except ValidationError as error:
        raise InvalidUpload(
            f"The JSON does not fit: {_flat(error.messages)} {WHAT_TO_SEND}"
        ) from error
    for image in job["images"]:
        try:
            content = base64.b64decode(image["data"].rpartition(",")[2], validate=True)
        except (binascii.Error, ValueError):
            message = "Its data is not valid base64. Encode the file again."
            upload.refuse(image["filename"], "unreadable", message)
        else:
            upload.add(image["filename"], [content])
    return job["name"], job["urgent"]


def _flat(messages: dict | list) -> str:
    """marshmallow's nested messages as one line; they name fields, never values."""
    if isinstance(messages, list):
        return " ".join(str(message) for message in messages)
    return " ".join(f"{field}: {_flat(said)}" for field, said in list(messages.items())[:5])
