"""Lists of images: filters, orders and pages; and several images at once."""

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from web.api.inputs.fields import (
    FEW,
    MAX_LABEL,
    MAX_PER_PAGE,
    SOME,
    Body,
    Cursor,
    Label,
    Moment,
    Query,
    RowNumber,
    Share,
    parts,
)
from web.auth.requests import asking_name
from worker.records.images import ImageFilter, ImageStatus, Sort, SortKind
from worker.records.reviews import ReviewState

PAGE_IMAGES = 60  # of a list on a page at once; virtual.js loads as many
MAX_OFFSET = 100_000
MAX_MODEL = 80
SORT_NAMES = [kind.value for kind in SortKind if kind is not SortKind.PROBABILITY]


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


SortBy = Annotated[
    Sort,
    BeforeValidator(_sort),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(SORT_NAMES)}|probability:.+)$"}),
    Field(json_schema_extra={"default": SortKind.FILE.value}),
    PlainSerializer(str),
]


class FilterQuery(Query):
    """Which images of a list, in what order. The pages carry the same in their addresses."""

    sort: SortBy = Sort()
    """`file`: as uploaded; `newest`; `name` of the file; `probability:LABEL`, the highest first, of
    one job; `suspicion`, the most suspicious first: findings, then uncertain results, then normal
    ones, each by 1 - p(NORMAL) (by the highest probability, for a model that does not know NORMAL),
    and last the images without a result."""
    status: Annotated[tuple[ImageStatus, ...], SOME, BeforeValidator(parts)] = ()
    """One or several, with commas."""
    label: Annotated[tuple[Label, ...], SOME, BeforeValidator(parts)] = ()
    """One or several of the labels of the job, with commas."""
    uncertain: bool | None = None
    probability_of: Label | None = None
    """The label that `min_probability` and `max_probability` are about."""
    min_probability: Share = 0.0
    max_probability: Share = 1.0
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
    jobs: Annotated[tuple[RowNumber, ...], FEW, BeforeValidator(parts)] = ()
    """Only images of these jobs: their numbers, with commas."""
    images: Annotated[tuple[RowNumber, ...], FEW, BeforeValidator(parts)] = ()
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


class ImagesBody(Body):
    """Several images of any jobs."""

    images: Annotated[list[RowNumber], Field(min_length=1, max_length=500)]
    """Their numbers."""
