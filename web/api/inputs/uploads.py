"""Uploads, besides their files."""

from typing import Annotated

from pydantic import Field, StrictBool

from web.api.inputs.fields import Body, Query, Text
from worker.records.jobs import MAX_FILENAME

MAX_JOB_NAME = 200
# ASCII letters, digits and signs, without spaces.
IDEMPOTENCY_KEY = Field(min_length=1, max_length=255, pattern=r"^[!-~]+$")


class UploadHeaders(Query):
    idempotency_key: Annotated[
        str | None, IDEMPOTENCY_KEY, Field(examples=["7f0c1d3e-6f3b-4f6c-9f55-0a8f6c0f2f6e"])
    ] = None
    """Your own name for this upload, new for each. Sent again with the same key and files, after a
    broken connection, it is answered with the job of the first time; with other files, with 422.
    `GET /jobs?idempotency_key=` tells whether an upload arrived."""


class InlineImage(Body):
    """One image in a JSON upload."""

    filename: Annotated[Text, Field(min_length=1, max_length=MAX_FILENAME)]
    data: Annotated[Text, Field(examples=["data:image/png;base64,iVBORw0KGgo="])]
    """Base64, or a data URL."""


class InlineJob(Body):
    """A JSON upload."""

    name: Annotated[Text, Field(max_length=MAX_JOB_NAME)] = ""
    urgent: StrictBool = False
    open: StrictBool = False
    """More images will be added: then it may have none."""
    images: list[InlineImage] = []
