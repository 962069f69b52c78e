"""The bodies of uploads, multipart/form-data or JSON: fields, and files one by one."""

import base64
import binascii
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from flask import Request
from pydantic import ValidationError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from web.api.inputs.uploads import MAX_JOB_NAME, InlineImage, InlineJob
from web.api.uploads.inline import BrokenJson, UnexpectedJson, members
from web.errors import InvalidUpload, UnsupportedUpload
from web.multipart import Part, parts
from web.services import services
from worker.errors import UploadTooLarge
from worker.files.incoming import IncomingFile
from worker.intake.fingerprint import Fingerprint
from worker.settings import MEGABYTE

FIELD_BYTES = 10_000
# A JSON body is held in memory, several times over while it is decoded; multipart is not. So few of
# them are decoded at once.
MAX_JSON_MB = 32
_READING_JSON = threading.BoundedSemaphore(2)
BLOCK_BYTES = 1024 * 1024
YES, NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
WHAT_TO_SEND = (
    "Send the files as multipart/form-data in the field `files` (repeat it for each file), or JSON "
    '{"name": "...", "images": [{"filename": "...", "data": "data:image/png;base64,..."}]}.'
)


@dataclass
class Fields:
    """The fields of an upload, besides its files."""

    name: str = ""
    urgent: bool = False
    open: bool = False


class Taker(Protocol):
    """Takes the files of a body."""

    def add(self, filename: str, chunks: Iterable[bytes]) -> None: ...

    def refuse(self, filename: str, content: bytes, reason: str, message: str) -> None: ...

    def know(self, fields: Fields) -> None:
        """What the fields say so far; called before the files that follow them."""


class Comparing:
    """Keeps nothing of the files that it takes: it only knows whether they are the same."""

    def __init__(self) -> None:
        self._fingerprint = Fingerprint()

    @property
    def content_sha256(self) -> str:
        return self._fingerprint.hexdigest()

    def add(self, filename: str, chunks: Iterable[bytes]) -> None:
        self._fingerprint.add(filename, chunks)

    def refuse(self, filename: str, content: bytes, reason: str, message: str) -> None:
        self._fingerprint.add(filename, [content])

    def know(self, fields: Fields) -> None:
        """Names and urgency of an upload do not make it another one."""


def read_body(request: Request, taker: Taker) -> Fields:
    """Read the body to its end, and hand each file to `taker`.

    Raises UnsupportedUpload, InvalidUpload, UploadTooLarge, and what the taker raises.
    """
    if request.mimetype == "multipart/form-data":
        return _read_multipart(request, taker)
    if request.is_json:
        return _read_json(request, taker)
    raise UnsupportedUpload(f"Received: {request.mimetype or 'no type'}. {WHAT_TO_SEND}")


def _read_multipart(request: Request, taker: Taker) -> Fields:
    fields = Fields()
    for part in parts(request):
        if part.filename:
            if part.name != "files":
                raise InvalidUpload(f"A file came in another field. {WHAT_TO_SEND}")
            taker.add(part.filename, part.chunks)
            continue
        value = _field_value(part)
        if part.name == "name":
            fields.name = _job_name(value.decode(errors="replace"))
        elif part.name in ("urgent", "open"):
            setattr(fields, part.name, _flag(part.name, value))
        elif value:
            raise InvalidUpload(f"There is a field that has no meaning here. {WHAT_TO_SEND}")
        taker.know(fields)
    return fields


def _job_name(name: str) -> str:
    if len(name) > MAX_JOB_NAME:
        raise InvalidUpload(
            f"The field `name` is longer than {MAX_JOB_NAME} characters. Received: {len(name)}."
        )
    return name


def _flag(name: str, value: bytes) -> bool:
    said = value.decode(errors="replace").strip().lower()
    if said not in YES | NO:
        raise InvalidUpload(f"The field `{name}` must be true or false.")
    return said in YES


def _field_value(part: Part) -> bytes:
    value = b""
    for chunk in part.chunks:
        value += chunk
        if len(value) > FIELD_BYTES:
            raise InvalidUpload(f"A field is longer than {FIELD_BYTES} bytes. {WHAT_TO_SEND}")
    return value


def _read_json(request: Request, taker: Taker) -> Fields:
    """A JSON body goes to the disk first, so that a slow sender holds no memory; then image by
    image to the taker, so that too many are refused before they are all read."""
    request.max_content_length = MAX_JSON_MB * MEGABYTE
    folder = services().files.new_folder()
    try:
        with folder.new_file() as body:
            _copy_body(request, body)
            with _READING_JSON:
                body.seek(0)
                return _take_inline_job(body.read(), taker)
    finally:
        folder.delete()


def _copy_body(request: Request, to: IncomingFile) -> None:
    try:
        while block := request.stream.read(BLOCK_BYTES):
            to.write(block)
    except RequestEntityTooLarge as error:
        raise UploadTooLarge(
            f"The JSON body is larger than {MAX_JSON_MB} MB, the most that JSON may have. Send the "
            "files as multipart/form-data.",
            "json_too_large",
        ) from error


def _take_inline_job(body: bytes, taker: Taker) -> Fields:
    fields = Fields()
    taken = 0
    try:
        for name, value in members(body, lists={"images"}):
            if name == "images":
                _take_image(InlineImage.model_validate(value), taker)
                taken += 1
            else:
                said = InlineJob.model_validate({name: value})
                setattr(fields, name, getattr(said, name))
                taker.know(fields)
    except BrokenJson as error:
        raise BadRequest(f"{error} {WHAT_TO_SEND}") from error
    except UnexpectedJson as error:
        raise InvalidUpload(f"The JSON does not fit: {error} {WHAT_TO_SEND}") from error
    except ValidationError as error:
        where = f"images.{taken}." if error.title == InlineImage.__name__ else ""
        detail = f"The JSON does not fit: {where}{_flat(error)} {WHAT_TO_SEND}"
        raise InvalidUpload(detail) from error
    return fields


def _take_image(image: InlineImage, taker: Taker) -> None:
    try:
        content = base64.b64decode(image.data.rpartition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        message = "Its data is not valid base64. Encode the file again."
        taker.refuse(image.filename, image.data.encode(), "unreadable", message)
    else:
        taker.add(image.filename, [content])


def _flat(error: ValidationError) -> str:
    """What does not fit as one line; it names fields, never values."""
    said = error.errors(include_url=False, include_context=False, include_input=False)
    return " ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}." for one in said[:5])
