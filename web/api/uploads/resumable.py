"""Resumable uploads into an open job: tus 1.0 (https://tus.io/protocols/resumable-upload).

Extensions: creation, creation-with-upload, expiration, termination, checksum.
"""

import base64
import binascii
import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import Request, Response, g, request, url_for
from werkzeug.http import http_date, parse_options_header

from web.api.uploads.bodies import read_body
from web.api.uploads.upload import Receiving
from web.auth.permissions import permits
from web.auth.requests import clinic_id
from web.errors import ChecksumMismatch, InvalidUpload, UnsupportedTus, UnsupportedUpload
from web.services import services
from worker.access import Scope
from worker.errors import JobNotOpen, KeyTaken, PieceMisplaced
from worker.files.unfinished import Unfinished, no_such_upload

blueprint = APIBlueprint("resumable", __name__, tag="Resumable uploads")

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination,checksum"
CHECKSUMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
PIECE_TYPE = "application/offset+octet-stream"
READ_BYTES = 256 * 1024
MAX_METADATA = 8192
MULTIPART = "multipart/form-data"
PLACE = "/jobs/<int:job_id>/uploads"
ONE = f"{PLACE}/<upload_id>"
ANSWERS = {
    409: "The job is closed, or the piece does not begin where the upload ends so far.",
    412: "Another version of tus.",
    413: "The upload is over a limit of this server.",
    415: f"The body of a piece is not {PIECE_TYPE}.",
    422: "A header makes no sense; see the detail.",
    460: "The piece is not what its checksum says.",
    507: "The server's disk is full, or your clinic's X-rays take as much of it as they may.",
}
METADATA = f"""The header `Upload-Metadata` names the file: `filename` and its base64. Or it says
that the bytes are a body of several files, as `POST /jobs/{{id}}/images` takes it: `body_type` and
the base64 of its `{MULTIPART}; boundary=…`."""


@blueprint.after_request
def add_version(response: Response) -> Response:
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.route(PLACE, methods=["OPTIONS"], provide_automatic_options=False)
@permits(Scope.UPLOAD)
@blueprint.doc(hide=True)
def options(job_id: int):
    """What the server can do."""
    return _empty(
        204,
        **{
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(services().unfinished.max_bytes),
            "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
        },
    )


@blueprint.post(PLACE)
@permits(Scope.UPLOAD)
@blueprint.doc(
    responses={201: "The upload's address is in `Location`."} | ANSWERS,
    description=f"Speaks tus 1.0; use one of its clients.\n\n{METADATA}\n\nThe upload expires when "
    "no bytes come for as long as an open job waits for files.",
)
def begin(job_id: int):
    """Begin a resumable upload into an open job"""
    _check_version()
    here = services()
    here.store.touch_open_job(clinic_id(), here.store.job(clinic_id(), job_id).id)
    filename, body_type = _metadata()
    length = _number("Upload-Length")
    # What is on its way takes the disk as well, and counts as stored only when it is whole.
    here.intake.check_room(clinic_id(), length + here.unfinished.announced_bytes(clinic_id()))
    upload = here.unfinished.begin(clinic_id(), job_id, length, filename, body_type)
    if length == 0 or request.mimetype == PIECE_TYPE:
        upload = _append(upload)
    address = url_for("resumable.offset", job_id=job_id, upload_id=upload.id, _external=True)
    return _state(upload, 201, Location=address)


@blueprint.route(ONE, methods=["HEAD"], provide_automatic_options=False)
@permits(Scope.UPLOAD)
@blueprint.doc(hide=True)
def offset(job_id: int, upload_id: str):
    """How many bytes are here."""
    _check_version()
    upload = _found(job_id, upload_id)
    return _state(upload, 200, **{"Upload-Length": str(upload.length)})


@blueprint.patch(ONE)
@permits(Scope.UPLOAD)
@blueprint.doc(responses={204: "All of the piece is durable."} | ANSWERS)
def append(job_id: int, upload_id: str):
    """Send the next piece of a resumable upload

    With the last one its files belong to the job.
    """
    _check_version()
    upload = _found(job_id, upload_id)
    if request.mimetype != PIECE_TYPE:
        raise UnsupportedUpload(f"A piece is sent as {PIECE_TYPE}. Received: {request.mimetype}.")
    if _number("Upload-Offset") != upload.offset:
        raise PieceMisplaced(
            f"The piece begins at {_number('Upload-Offset')}, and {upload.offset} of "
            f"{upload.length} bytes are here. Ask for the offset with HEAD, and go on from there."
        )
    if not upload.received:
        services().store.touch_open_job(clinic_id(), job_id)
        upload = _append(upload)
    return _state(upload, 204)


@blueprint.delete(ONE)
@permits(Scope.UPLOAD)
@blueprint.doc(
    responses={204: "Nothing of it is left, unless its job has it already.", 412: ANSWERS[412]}
)
def delete(job_id: int, upload_id: str):
    """Give a resumable upload up"""
    _check_version()
    upload = _found(job_id, upload_id)
    services().unfinished.delete(clinic_id(), upload.id)
    return _empty(204)


def _append(upload: Unfinished) -> Unfinished:
    digest, check = _checksum()
    return services().unfinished.append(clinic_id(), upload, _received(digest), _finish, check)


def _received(digest) -> Iterator[bytes]:
    # What is there at once: a piece that breaks off must not take what had come before with it.
    read = getattr(request.stream, "read1", request.stream.read)
    while block := read(READ_BYTES):
        if digest is not None:
            digest.update(block)
        yield block


def _finish(upload: Unfinished, content: io.BufferedReader) -> None:
    """Hand the whole of an upload to its job, as one request with all of it would. Once: a server
    that died before it could note so finds the upload by its key."""
    here = services()
    key = f"resumable-{upload.id}"
    g.concerned_job_id = upload.job_id  # for the audit trail
    if here.store.known_upload(clinic_id(), key) is not None:
        return
    job = here.store.job(clinic_id(), upload.job_id)
    if not job.open:
        raise JobNotOpen(f"Job {job.id} is closed and takes no more files. Start a new job.")
    with here.intake.receive(clinic_id(), job) as receiving:
        if upload.body_type:
            fields = read_body(_as_request(upload, content), Receiving(receiving))
            if fields.name or fields.urgent or fields.open:
                raise InvalidUpload("Only `files` can be added to a job; the rest it has already.")
        else:
            receiving.add(upload.filename, iter(lambda: content.read(READ_BYTES), b""))
        try:
            receiving.accept(key=key)
        except KeyTaken:
            return  # sent twice at once, and the other one was first


def _as_request(upload: Unfinished, content: io.BufferedReader) -> Request:
    return Request(
        {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": upload.body_type,
            "CONTENT_LENGTH": str(upload.length),
            "wsgi.input": content,
        }
    )


def _found(job_id: int, upload_id: str) -> Unfinished:
    upload = services().unfinished.find(clinic_id(), upload_id)
    services().store.job(clinic_id(), job_id)
    if upload.job_id != job_id:
        raise no_such_upload()
    return upload


def _check_version() -> None:
    version = request.headers.get("Tus-Resumable")
    if version != VERSION:
        raise UnsupportedTus(
            f"This server speaks tus {VERSION}; send the header `Tus-Resumable: {VERSION}`. "
            f"Received: {(version or 'none')[:20]}."
        )


def _number(name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidUpload(f"The header `{name}` must be a number of bytes.")
    return int(text)


def _metadata() -> tuple[str, str]:
    """Returns: the file's name, or the type of a body of several files; the other one is empty."""
    said = request.headers.get("Upload-Metadata", "")
    values = {}
    try:
        if len(said) > MAX_METADATA:
            raise ValueError
        for pair in filter(None, (part.strip() for part in said.split(","))):
            name, _, value = pair.partition(" ")
            values[name] = base64.b64decode(value, validate=True).decode()
    except (ValueError, binascii.Error):
        raise InvalidUpload(
            "The header `Upload-Metadata` must be names, each with the base64 of its value, and "
            f"commas between them; {MAX_METADATA} bytes at most."
        ) from None
    body_type = values.get("body_type", "")
    if body_type:
        kind, options = parse_options_header(body_type)
        if kind != MULTIPART or not options.get("boundary"):
            raise InvalidUpload(f"`body_type` must be {MULTIPART} with its boundary.")
        return "", body_type
    if not values.get("filename"):
        raise InvalidUpload("Name the file in the header `Upload-Metadata`: `filename` and base64.")
    return values["filename"], ""


def _checksum() -> tuple[object | None, Callable[[], None] | None]:
    """What counts the bytes of this piece, and what raises ChecksumMismatch after the last one."""
    said = request.headers.get("Upload-Checksum")
    if said is None:
        return None, None
    name, _, value = said.partition(" ")
    if name not in CHECKSUMS:
        raise InvalidUpload(f"`Upload-Checksum` must be one of {', '.join(CHECKSUMS)} and base64.")
    digest = CHECKSUMS[name](usedforsecurity=False)

    def check() -> None:
        if base64.b64encode(digest.digest()).decode() != value.strip():
            raise ChecksumMismatch("The piece is not what its checksum says. Send it again.")

    return digest, check


def _state(upload: Unfinished, status: int, **headers: str) -> Response:
    expires = services().unfinished.expires_at(clinic_id(), upload.id)
    return _empty(
        status,
        **{
            "Upload-Offset": str(upload.offset),
            "Upload-Expires": http_date(datetime.fromtimestamp(expires, UTC)),
        }
        | headers,
    )


def _empty(status: int, **headers: str) -> Response:
    response = Response(status=status)
    response.headers.update(headers)
    return response
