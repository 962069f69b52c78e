"""POST /jobs: an upload becomes a job, as multipart/form-data or as JSON."""

import base64
import binascii

from apiflask import APIBlueprint
from flask import Request, Response, jsonify, request
from marshmallow import ValidationError

from web.api.openapi import UPLOAD_BODY
from web.api.schemas import InlineJob, Job, UploadHeaders
from web.api.shapes import job_json
from web.auth.requests import check_api_request, clinic_id
from web.errors import InvalidUpload, UnsupportedUpload
from web.multipart import Part, parts
from web.services import services
from worker.errors import KeyTaken
from worker.intake.upload import MEGABYTE, Upload, printable
from worker.records import JobRecord

blueprint = APIBlueprint("upload", __name__, tag="Jobs")
blueprint.before_request(check_api_request)

FIELD_BYTES = 10_000
# JSON is held in memory, three times over while it is decoded; multipart is not.
JSON_MEGABYTES = 32
YES, NO = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}
HEADERS = {
    "Location": {"schema": {"type": "string"}, "description": "/api/v1/jobs/{id}"},
    "Idempotency-Replayed": {
        "schema": {"type": "string"},
        "description": "`true` when this key was used before: nothing new was made.",
    },
}
WHAT_TO_SEND = (
    "Send the files as multipart/form-data in the field `files` (repeat it for each file), or JSON "
    '{"name": "...", "images": [{"filename": "...", "data": "data:image/png;base64,..."}]}.'
)


@blueprint.post("/jobs")
@blueprint.input(UploadHeaders, location="headers", arg_name="headers")
@blueprint.doc(
    extensions={"requestBody": UPLOAD_BODY},
    responses={
        202: {"headers": HEADERS},
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
def create_job(headers):
    """Upload images

    A zip archive becomes one image for each of its members. A file that cannot be used gets the
    status `rejected` with a reason, and the others go on.
    """
    here = services()
    key = headers.get("idempotency_key")
    if key is not None and (known := here.store.job_of_key(clinic_id(), key)):
        return _accepted(known, replayed=True)
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
        try:
            job = here.store.create_job(
                clinic_id(), name, upload.rows(), urgent, upload.folder, idempotency_key=key
            )
        except KeyTaken:  # the same upload came twice at once, and the other one was first
            known = here.store.job_of_key(clinic_id(), key)
            if known is None:  # and was deleted since
                raise
            return _accepted(known, replayed=True)
        upload.committed()
    here.dispatcher.wake(job.id)
    return _accepted(job)


def _accepted(job: JobRecord, replayed: bool = False) -> Response:
    response = jsonify(job_json(job))
    response.status_code = 202
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


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
