"""The shapes of the API for its OpenAPI document, and the checks of what comes in."""

from apiflask import Schema
from apiflask.fields import Boolean, Dict, Float, Integer, List, Nested, String
from apiflask.validators import Length, OneOf, Range, Regexp

from model.labels import LABELS
from worker.records import ImageStatus, JobStatus

MAX_PER_PAGE = 500
MAX_CURSOR = 24  # what the base64 of a row's id needs; a longer number fits no database
MAX_IDEMPOTENCY_KEY = 255
TIME = {"format": "date-time", "example": "2026-11-23T02:30:00.000Z"}


def _described(text: str, example: object = None, **more: object) -> dict:
    return {"description": text, **({} if example is None else {"example": example}), **more}


class Counts(Schema):
    """How many images of the job have each status."""

    total = Integer(required=True)
    waiting = Integer(required=True)
    running = Integer(required=True)
    done = Integer(required=True)
    rejected = Integer(required=True)
    failed = Integer(required=True)
    cancelled = Integer(required=True)


class Job(Schema):
    """One bulk upload."""

    id = Integer(required=True, metadata={"example": 7})
    name = String(required=True, metadata={"example": "Monday morning"})
    status = String(required=True, validate=OneOf([status.value for status in JobStatus]))
    urgent = Boolean(required=True)
    open = Boolean(
        required=True,
        metadata=_described("More images may be added, so it is not complete."),
    )
    counts = Nested(Counts, required=True)
    progress = Float(
        required=True,
        validate=Range(0, 1),
        metadata=_described("Share of images with a final status.", 0.5),
    )
    images_per_second = Float(required=True, allow_none=True)
    seconds_left = Float(
        required=True, allow_none=True, metadata=_described("Estimate; null when unknown.")
    )
    content_sha256 = String(
        required=True,
        allow_none=True,
        metadata=_described(
            "Of the upload: SHA-256 of the lines that `sha256sum` prints for its files, in order."
        ),
    )
    created_at = String(required=True, metadata=TIME)
    started_at = String(required=True, allow_none=True, metadata=TIME)
    finished_at = String(required=True, allow_none=True, metadata=TIME)


class Result(Schema):
    """What the model found. Research and triage support, not a diagnosis."""

    label = String(required=True, validate=OneOf(LABELS))
    probabilities = Nested(
        Schema.from_dict(
            {label: Float(required=True, validate=Range(0, 1)) for label in LABELS},
            name="Probabilities",
        ),
        required=True,
    )
    uncertain = Boolean(
        required=True,
        metadata=_described("The highest probability is low for this model: look at it first."),
    )
    model = String(
        required=True, metadata=_described("Name and version.", "efficientnet_attention-1.1.0")
    )


class Image(Schema):
    """One X-ray of a job."""

    id = Integer(required=True, metadata={"example": 91})
    job_id = Integer(required=True, metadata={"example": 7})
    filename = String(required=True, metadata=_described("As uploaded.", "chest.dcm"))
    status = String(required=True, validate=OneOf([status.value for status in ImageStatus]))
    reason = String(
        required=True,
        allow_none=True,
        metadata=_described("Code of a rejection or failure.", "not_a_chest_xray"),
    )
    message = String(
        required=True, allow_none=True, metadata=_described("The reason in a sentence.")
    )
    result = Nested(Result, required=True, allow_none=True)
    width = Integer(required=True, allow_none=True, metadata=_described("Pixels."))
    height = Integer(required=True, allow_none=True, metadata=_described("Pixels."))
    size_bytes = Integer(required=True)
    attempts = Integer(required=True, metadata=_described("How often a worker began on it."))
    timings_ms = Dict(required=True, allow_none=True, metadata=_described("Milliseconds by stage."))
    created_at = String(required=True, metadata=TIME)
    finished_at = String(required=True, allow_none=True, metadata=TIME)


def _page_of(item: type[Schema], name: str) -> type[Schema]:
    cursor = String(
        required=True,
        allow_none=True,
        metadata=_described("Send it as `cursor` for the next page; null on the last."),
    )
    fields = {"items": List(Nested(item), required=True), "next_cursor": cursor}
    return Schema.from_dict(fields, name=name)


JobPage = _page_of(Job, "JobPage")
ImagePage = _page_of(Image, "ImagePage")


class Export(Schema):
    """A job with all its images."""

    job = Nested(Job, required=True)
    disclaimer = String(required=True)
    results = List(Nested(Image), required=True)


class Box(Schema):
    """The part of the X-ray that the network saw, as shares (0 to 1) of width and height."""

    left = Float(required=True)
    top = Float(required=True)
    right = Float(required=True)
    bottom = Float(required=True)


class Attention(Schema):
    """Where the network looked: a grid over `box`, row by row, 0 to 1."""

    grid = List(List(Float()), required=True)
    height = Integer(required=True)
    width = Integer(required=True)
    box = Nested(Box, required=True)
    model = String(required=True, allow_none=True)


class Problem(Schema):
    """An error (RFC 9457)."""

    type = String(required=True, metadata={"example": "about:blank"})
    title = String(required=True, metadata={"example": "Not Found"})
    status = Integer(required=True, metadata={"example": 404})
    detail = String(required=True, metadata={"example": "There is no job 7."})
    code = String(required=True, metadata=_described("For programs.", "not_found"))


IDEMPOTENCY_KEY = [
    Length(1, MAX_IDEMPOTENCY_KEY),
    Regexp(r"^[!-~]+$", error="Letters, digits and signs of ASCII, without spaces."),
]


class UploadHeaders(Schema):
    idempotency_key = String(
        data_key="Idempotency-Key",
        validate=IDEMPOTENCY_KEY,
        metadata=_described(
            "Your own name for this upload, new for each. Sent again with the same key and files, "
            "after a broken connection, it is answered with the job of the first time; with other "
            "files, with 422. `GET /jobs?idempotency_key=` tells whether an upload arrived.",
            "7f0c1d3e-6f3b-4f6c-9f55-0a8f6c0f2f6e",
        ),
    )


class JobsQuery(Schema):
    cursor = String(
        validate=Length(max=MAX_CURSOR), metadata=_described("`next_cursor` of the page before.")
    )
    limit = Integer(load_default=50, validate=Range(1, MAX_PER_PAGE))
    idempotency_key = String(
        validate=IDEMPOTENCY_KEY, metadata=_described("Only the job of the upload with this key.")
    )


class ImagesQuery(Schema):
    status = String(validate=OneOf([status.value for status in ImageStatus]))
    label = String(validate=OneOf(LABELS))
    cursor = String(
        validate=Length(max=MAX_CURSOR), metadata=_described("`next_cursor` of the page before.")
    )
    limit = Integer(load_default=100, validate=Range(1, MAX_PER_PAGE))


class PictureQuery(Schema):
    longest = Integer(
        load_default=1024,
        validate=Range(32, 2048),
        metadata=_described("Longest side in pixels; a picture is never enlarged."),
    )


class OverlayQuery(PictureQuery):
    opacity = Float(
        load_default=0.4,
        validate=Range(0, 1),
        metadata=_described(
            "Of the attention map: 0 hides it, 1 hides the X-ray where the attention is greatest."
        ),
    )


class InlineImage(Schema):
    """One image in a JSON upload."""

    filename = String(required=True, validate=Length(1, 1000))
    data = String(
        required=True,
        metadata=_described("Base64, or a data URL.", "data:image/png;base64,iVBORw0KGgo="),
    )


class InlineJob(Schema):
    """A JSON upload."""

    name = String(load_default="", validate=Length(max=200))
    urgent = Boolean(load_default=False)
    open = Boolean(
        load_default=False, metadata=_described("More images will be added: then it may have none.")
    )
    images = List(Nested(InlineImage), load_default=[])
