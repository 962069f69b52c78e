"""Uploads: `POST /jobs`, and `images` and `close` of a job that is open."""

from apiflask import APIBlueprint
from flask import Response, g, request

from web.api.inputs.uploads import UploadHeaders
from web.api.openapi import ADD_BODY, UPLOAD_BODY
from web.api.records.jobs import Job
from web.api.uploads.bodies import WHAT_TO_SEND, Comparing, Fields, read_body
from web.auth.permissions import permits
from web.auth.requests import clinic_id
from web.errors import InvalidUpload
from web.services import services
from worker.access import Scope
from worker.errors import JobNotOpen, KeyReused, KeyTaken
from worker.intake.receiving import Upload
from worker.records.jobs import JobRecord, KnownUpload

blueprint = APIBlueprint("upload", __name__, tag="Jobs")

HEADERS = {
    "Location": {"schema": {"type": "string"}, "description": "/api/v1/jobs/{id}"},
    "Idempotency-Replayed": {
        "schema": {"type": "string"},
        "description": "`true` when this key was used before: nothing new was made.",
    },
}
KEY_TAKEN = "Another upload with this Idempotency-Key arrived at the same time."
ANSWERS = {
    202: {"headers": HEADERS},
    400: "The JSON is broken.",
    409: KEY_TAKEN,
    413: "The upload is over a limit of this server.",
    415: "The body is neither multipart/form-data nor JSON.",
    422: "The upload cannot be understood, or its key belongs to other files; see the detail.",
    507: "The server's disk is full, or your clinic's X-rays take as much of it as they may.",
}
NOT_OPEN = f"The job is closed. Or: {KEY_TAKEN}"


@blueprint.post("/jobs")
@permits(Scope.UPLOAD)
@blueprint.input(UploadHeaders, location="headers", arg_name="headers")
@blueprint.doc(extensions={"requestBody": UPLOAD_BODY}, responses=ANSWERS)
@blueprint.output(
    Job,
    status_code=202,
    description="Every file is stored durably; the job's address is in `Location`.",
)
def create_job(headers):
    """Upload images

    A zip archive becomes one image for each of its members. A file that cannot be used gets the
    status `rejected` with a reason, and the others go on. Workers begin while the upload still
    runs; the job appears as a whole with the answer, and an upload that breaks off leaves nothing.

    With `open`, files may be added later with `POST /jobs/{id}/images`, until the job is closed.
    """
    return _receive(headers.idempotency_key, None)


@blueprint.post("/jobs/<int:job_id>/images")
@permits(Scope.UPLOAD)
@blueprint.input(UploadHeaders, location="headers", arg_name="headers")
@blueprint.doc(
    extensions={"requestBody": ADD_BODY},
    responses=ANSWERS | {409: NOT_OPEN},
)
@blueprint.output(
    Job, status_code=202, description="Every file is stored durably and belongs to the job."
)
def add_images(job_id, headers):
    """Add images to an open job

    The images of one request appear together with the answer; a request that breaks off adds
    nothing.
    """
    job = services().store.job(clinic_id(), job_id)
    return _receive(headers.idempotency_key, job)


@blueprint.post("/jobs/<int:job_id>/close")
@permits(Scope.UPLOAD)
@blueprint.output(Job)
def close_job(job_id):
    """Close an open job

    It takes no more files, and is complete once its images are finished. A job that is closed
    already stays as it is; one to which nothing is added for a while closes by itself.
    """
    return Job.of(services().store.close_job(clinic_id(), job_id)).json_response


class Receiving:
    """An upload into the intake, as `read_body` wants to hand files over."""

    def __init__(self, upload: Upload) -> None:
        self.add, self.refuse = upload.add, upload.refuse
        self._upload = upload

    def know(self, fields: Fields) -> None:
        self._upload.urgent = fields.urgent


def _receive(key: str | None, into: JobRecord | None) -> Response:
    here = services()
    known = here.store.known_upload(clinic_id(), key) if key is not None else None
    if known is not None:
        comparing = Comparing()
        read_body(request, comparing)
        return _replayed(known, comparing.content_sha256, into)
    if into is not None and not into.open:
        raise JobNotOpen(f"Job {into.id} is closed and takes no more files. Start a new job.")
    with here.intake.receive(clinic_id(), into) as upload:
        fields = read_body(request, Receiving(upload))
        if not upload and not fields.open:
            raise InvalidUpload(f"The upload holds no files. {WHAT_TO_SEND}", "no_files")
        if into is not None and (fields.name or fields.urgent or fields.open):
            raise InvalidUpload("Only `files` can be added to a job; the rest it has already.")
        try:
            job = upload.accept(fields.name, fields.urgent, key, fields.open)
        except (KeyTaken, JobNotOpen):
            # The same upload came twice at once, the other one was first, and the job closed since.
            known = here.store.known_upload(clinic_id(), key) if key is not None else None
            if known is None:  # and was deleted since
                raise
            return _replayed(known, upload.content_sha256, into)
    return _accepted(job)


def _replayed(known: KnownUpload, content_sha256: str, into: JobRecord | None) -> Response:
    """The answer to an upload whose key is known. Raises KeyReused unless it is the same one."""
    same_job = known.is_part and known.job.id == into.id if into else not known.is_part
    # Uploads of earlier versions have no fingerprint.
    if not same_job or known.content_sha256 not in (content_sha256, None):
        raise KeyReused(
            "This Idempotency-Key belongs to an upload of other files. Use a new key for each new "
            "upload, and an old one only to send the same files again."
        )
    return _accepted(known.job, replayed=True)


def _accepted(job: JobRecord, replayed: bool = False) -> Response:
    g.concerned_job_id = job.id  # for the audit trail
    response = Job.of(job).json_response
    response.status_code = 202
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response
