"""What may be asked in an address, and sent besides files: each defined once, for its check and for
the OpenAPI document."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from worker.records import ImageStatus

MAX_PER_PAGE = 500
MAX_CURSOR = 24  # what the base64 of a row's id needs; a longer number fits no database
MAX_LABEL = 80
MAX_JOB_NAME = 200

Cursor = Annotated[
    str | None,
    Field(max_length=MAX_CURSOR, description="`next_cursor` of the page before."),
]


def _storable(value: object) -> object:
    """JSON may carry half a surrogate pair, which is not a character: one odd name must not refuse
    a whole upload."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


Text = Annotated[str, BeforeValidator(_storable)]
# ASCII letters, digits and signs, without spaces.
IDEMPOTENCY_KEY = Field(min_length=1, max_length=255, pattern=r"^[!-~]+$")


class Query(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class JobsQuery(Query):
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_PER_PAGE)] = 50
    idempotency_key: Annotated[str | None, IDEMPOTENCY_KEY] = None
    """Only the job of the upload with this key."""


class ImagesQuery(Query):
    status: ImageStatus | None = None
    label: Annotated[str | None, Field(max_length=MAX_LABEL)] = None
    """One of the job's labels."""
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_PER_PAGE)] = 100


class PictureQuery(Query):
    max_side: Annotated[int, Field(ge=32, le=4096)] = 512
    """Longest side in pixels; a picture is never enlarged."""


class OverlayQuery(PictureQuery):
    opacity: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.4
    """Of the map: 0 hides it, 1 hides the X-ray where the map is greatest."""


class UploadHeaders(Query):
    idempotency_key: Annotated[
        str | None, IDEMPOTENCY_KEY, Field(examples=["7f0c1d3e-6f3b-4f6c-9f55-0a8f6c0f2f6e"])
    ] = None
    """Your own name for this upload, new for each. Sent again with the same key and files, after a
    broken connection, it is answered with the job of the first time; with other files, with 422.
    `GET /jobs?idempotency_key=` tells whether an upload arrived."""


class InlineImage(BaseModel):
    """One image in a JSON upload."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    filename: Annotated[Text, Field(min_length=1, max_length=1000)]
    data: Annotated[Text, Field(examples=["data:image/png;base64,iVBORw0KGgo="])]
    """Base64, or a data URL."""


class InlineJob(BaseModel):
    """A JSON upload."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Annotated[Text, Field(max_length=MAX_JOB_NAME)] = ""
    urgent: bool = False
    open: bool = False
    """More images will be added: then it may have none."""
    images: list[InlineImage] = []
