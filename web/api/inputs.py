"""What may be asked in an address, and sent besides files: each defined once, for its check and for
the OpenAPI document."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Literal, NoReturn, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    WithJsonSchema,
    model_validator,
)

from web.api.records.record import INT64
from web.auth.requests import asking_name
from worker.access import Scope
from worker.records.images import ImageFilter, ImageStatus, Sort, SortKind
from worker.records.jobs import MAX_FILENAME, JobStatus
from worker.records.reviews import ReviewState, Verdict

MAX_PER_PAGE = 500
PAGE_IMAGES = 60  # of a list on a page at once; virtual.js loads as many
MAX_CURSOR = 64  # what the base64 of a row's id and a number needs
MAX_OFFSET = 100_000
MAX_LABEL = 80
MAX_MODEL = 80
MAX_JOB_NAME = 200
MAX_TOKEN_NAME = 200
# An operator's scope is not a clinic's to give.
ClinicScope = Literal[Scope.READ, Scope.REVIEW, Scope.UPLOAD, Scope.DELETE, Scope.ADMIN]

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


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Query(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class JobsQuery(Query):
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_PER_PAGE)] = 50
    idempotency_key: Annotated[str | None, IDEMPOTENCY_KEY] = None
    """Only the job of the upload with this key."""
    search: Annotated[str | None, Field(max_length=200)] = None
    """Part of the job's name."""
    status: JobStatus | None = None


@cache
def _zones() -> set[str]:
    return available_timezones()


def _known_zone(name: str) -> str:
    """Raises ValueError, which says what such a name looks like."""
    if name not in _zones():
        raise ValueError(f"Received: {name[:80]}. Allowed: a name such as Europe/Madrid, or UTC.")
    return name


class ReportQuery(Query):
    time_zone: Annotated[str, Field(max_length=80), AfterValidator(_known_zone)] = "UTC"
    """Of all times in the report, by its name in the IANA database, such as `Europe/Madrid`."""


class JobChange(BaseModel):
    """What can be changed of a job."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Annotated[Text, Field(min_length=1, max_length=200)]


def _parts(value: object) -> object:
    """What an address lists with commas. An empty part is refused like a wrong value: `images=`
    from a program that knows of none must not mean all of them."""
    return value.split(",") if isinstance(value, str) else value


def _sort(value: object) -> object:
    """`probability:LABEL`, or a kind by itself. Raises ValueError, which names the kinds."""
    if not isinstance(value, str):
        return value
    name, _, label = value.partition(":")
    if (name in SORT_NAMES and not label) or (name == SortKind.PROBABILITY and label):
        return Sort(SortKind(name), label or None)
    raise ValueError(
        f"Received: {value[:MAX_LABEL]}. Allowed: {', '.join(SORT_NAMES)}, probability:LABEL."
    )


SORT_NAMES = [kind.value for kind in SortKind if kind is not SortKind.PROBABILITY]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
# Lists of them are written with commas.
Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL, pattern="^[^,]+$")]
SortBy = Annotated[
    Sort,
    BeforeValidator(_sort),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(SORT_NAMES)}|probability:.+)$"}),
    Field(json_schema_extra={"default": SortKind.FILE.value}),
    PlainSerializer(str),
]


# Of a list in an address: whoever wants all leaves it out.
NO_DEFAULT = {"json_schema_extra": lambda schema: schema.pop("default", None)}
SOME = Field(min_length=1, **NO_DEFAULT)
FEW = Field(min_length=1, max_length=500, **NO_DEFAULT)
RowNumber = Annotated[int, Field(ge=1, le=2**63 - 1, json_schema_extra=INT64)]


def _moment(value: object) -> object:
    """A time with its offset, in UTC. Raises ValueError, which shows how one is written."""
    if not isinstance(value, str):
        return value
    try:
        found = datetime.fromisoformat(value)
        # Without an offset it would be taken for the server's own time.
        return found.astimezone(UTC) if found.tzinfo else _no_moment(value)
    except (ValueError, OverflowError):
        return _no_moment(value)


def _no_moment(value: str) -> NoReturn:
    raise ValueError(f"Received: {value[:40]}. Allowed: a time such as 2026-11-25T08:00:00Z.")


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
    PlainSerializer(datetime.isoformat),
]


class FilterQuery(Query):
    """Which images of a list, in what order. The pages carry the same in their addresses."""

    sort: SortBy = Sort()
    """`file`: as uploaded; `newest`; `name` of the file; `probability:LABEL`, the highest first, of
    one job; `suspicion`, the most suspicious first: findings, then uncertain results, then normal
    ones, each by 1 - p(NORMAL) (by the highest probability, for a model that does not know NORMAL),
    and last the images without a result."""
    status: Annotated[tuple[ImageStatus, ...], SOME, BeforeValidator(_parts)] = ()
    """One or several, with commas."""
    label: Annotated[tuple[Label, ...], SOME, BeforeValidator(_parts)] = ()
    """One or several of the labels of the job, with commas."""
    uncertain: bool | None = None
    probability_of: Label | None = None
    """The label that `min_probability` and `max_probability` are about."""
    min_probability: Probability = 0.0
    max_probability: Probability = 1.0
    search: Annotated[str | None, Field(max_length=200)] = None
    """Part of the file's name; or a patient's identifier or an accession number, in full."""
    review: ReviewState | None = None
    """`unread` or `read` by whoever asks; `disagreement`: readers gave different answers."""
    uploaded_since: Moment | None = None
    """Uploaded then or later, such as `2026-11-25T08:00:00Z`."""
    uploaded_until: Moment | None = None
    """Uploaded before that time."""
    differs_from: Annotated[str | None, Field(min_length=1, max_length=MAX_MODEL)] = None
    """Name and version of a shadow model: images to which it gave another label than their result
    has."""

    @model_validator(mode="after")
    def _names_its_label(self) -> Self:
        if self.probability_of is None and (self.min_probability > 0 or self.max_probability < 1):
            raise ValueError(
                "Name the label in `probability_of` when you send `min_probability` or "
                "`max_probability`."
            )
        return self

    @property
    def wanted(self) -> ImageFilter:
        return ImageFilter(
            statuses=self.status,
            labels=self.label,
            uncertain=self.uncertain,
            probability_of=self.probability_of,
            min_probability=self.min_probability,
            max_probability=self.max_probability,
            search=self.search,
            review=self.review,
            reader=asking_name() if self.review else None,
            uploaded_since=self.uploaded_since,
            uploaded_until=self.uploaded_until,
            differs_from=self.differs_from,
        )

    @property
    def address(self) -> dict[str, str]:
        """What of it differs from the default, as in an address."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return {name: _written(value) for name, value in said.items()}


def _written(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


class ExportQuery(FilterQuery):
    jobs: Annotated[tuple[RowNumber, ...], FEW, BeforeValidator(_parts)] = ()
    """Only images of these jobs: their numbers, with commas."""
    images: Annotated[tuple[RowNumber, ...], FEW, BeforeValidator(_parts)] = ()
    """Only these images: their numbers, with commas."""

    @property
    def wanted(self) -> ImageFilter:
        return replace(super().wanted, jobs=self.jobs, images=self.images)


class ImagesQuery(FilterQuery):
    cursor: Cursor = None
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET)] = 0
    """How many images to leave out, for jumping into the middle. To read everything, send `cursor`
    instead: it stays quick however many there are, and misses none."""
    limit: Annotated[int, Field(ge=1, le=MAX_PER_PAGE)] = 100


class ListPageQuery(ImagesQuery):
    """In the address of a page that lists images; its order is another one than that of the API."""

    sort: SortBy = Sort(SortKind.SUSPICION)
    limit: Annotated[int, Field(ge=1, le=MAX_PER_PAGE)] = PAGE_IMAGES


class PlaceQuery(FilterQuery):
    job: RowNumber | Literal["all"] | None = None
    """The list is that of this job, or with `all` that of the whole clinic. Without it, that of the
    image's own job."""

    def job_id(self, own: int) -> int | None:
        """own: the image's own job. Returns: whose list it is; None for the clinic's."""
        if self.job is None:
            return own
        return None if self.job == "all" else self.job


class PictureQuery(Query):
    max_side: Annotated[int, Field(ge=32, le=4096)] = 512
    """Longest side in pixels; a picture is never enlarged."""


class SmallPictureQuery(Query):
    max_side: Annotated[int | None, Field(ge=32, le=1024)] = None
    """Longest side in pixels; a picture is never enlarged. Without it, as it was saved."""


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

    filename: Annotated[Text, Field(min_length=1, max_length=MAX_FILENAME)]
    data: Annotated[Text, Field(examples=["data:image/png;base64,iVBORw0KGgo="])]
    """Base64, or a data URL."""


class InlineJob(BaseModel):
    """A JSON upload."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Annotated[Text, Field(max_length=MAX_JOB_NAME)] = ""
    urgent: StrictBool = False
    open: StrictBool = False
    """More images will be added: then it may have none."""
    images: list[InlineImage] = []


class ImagesBody(BaseModel):
    """Several images of any jobs."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    images: Annotated[list[RowNumber], Field(min_length=1, max_length=500)]
    """Their numbers."""


class ReviewBoxBody(BaseModel):
    """A mark on the film: its sides as fractions (0 to 1) of width and height."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    left: Share
    top: Share
    right: Share
    bottom: Share
    finding: Annotated[Text, Field(max_length=80)] = ""
    """What it shows."""

    @model_validator(mode="after")
    def _has_an_area(self) -> "ReviewBoxBody":
        if not (self.left < self.right and self.top < self.bottom):
            raise ValueError("left must be less than right, and top less than bottom")
        return self


class ReviewBody(BaseModel):
    """What a reader says about a result."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    verdict: Verdict
    label: Annotated[str | None, Field(max_length=MAX_LABEL)] = None
    """With `other_label`: one of the model's labels. One that the model gave means `agree`; in a
    blind job, where the reader does not know it, this is how to agree."""
    comment: Annotated[Text, Field(max_length=2000)] = ""
    boxes: Annotated[list[ReviewBoxBody], Field(max_length=50)] = []


class BlindChange(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    blind: StrictBool


class ReadersChange(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    readers: Literal[1, 2]


class ReviewsQuery(Query):
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_PER_PAGE)] = 100
    """Images whose reviews are wanted."""


class TokenBody(BaseModel):
    """An access token to be made."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    scopes: Annotated[list[ClinicScope], Field(min_length=1, max_length=16)]
    """What it may do."""
    name: Annotated[Text, Field(max_length=MAX_TOKEN_NAME)] = ""
    """The program that uses it."""
    expires_days: Annotated[
        float | None, Field(gt=0, le=3650, allow_inf_nan=False, strict=True)
    ] = None
    """Days after which it ends; null: it stays valid until it is revoked."""
