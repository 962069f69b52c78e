"""The records of the API, each defined once: its JSON, and its schema in the OpenAPI document.

They read the store's records by the names of their attributes, so a field that is not named here
never leaves the server.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from flask import Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from model.doubt import Reason
from model.evidence import Kind
from web.services import services
from web.showing.blind import viewer
from web.showing.labels import label_name
from worker.access import Scope
from worker.patient_data import Profile
from worker.records.images import ImageStatus
from worker.records.jobs import JobRecord, JobStatus
from worker.records.pages import Page
from worker.records.reviews import Verdict

TIME = Field(examples=["2026-11-23T02:30:00.250Z"])


def rounded(digits: int) -> AfterValidator:
    return AfterValidator(lambda value: None if value is None else round(value, digits))


class Record(BaseModel):
    """What the API answers with."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    @classmethod
    def of(cls, source: object) -> Self:
        """From a record of the store."""
        return cls.model_validate(source)

    @property
    def json_response(self) -> Response:
        return Response(self.model_dump_json(), mimetype="application/json")


class Counts(Record):
    """How many images of the job have each status."""

    total: int
    waiting: int
    running: int
    done: int
    rejected: int
    failed: int
    cancelled: int


class Label(Record):
    """One of the answers that a model can give."""

    label: Annotated[str, Field(examples=["COVID19"])]
    name: Annotated[str, Field(examples=["COVID-19"])]
    """For people."""
    count: int = 0
    """How many results of the job have it."""


def named(labels: Iterable[str]) -> list[Label]:
    return [Label(label=label, name=label_name(label)) for label in labels]


class Job(Record):
    """One bulk upload."""

    id: Annotated[int, Field(examples=[7])]
    name: Annotated[str, Field(examples=["Monday morning"])]
    status: JobStatus
    urgent: bool
    open: bool
    """More images may be added, so it is not complete."""
    blind: bool
    """Readers see a result after their own review of it."""
    readers: int
    """How many are to review each image. With 2, neither sees the other's review before both are
    given."""
    counts: Counts
    progress: Annotated[float, Field(ge=0, le=1), rounded(4)]
    """Share of images with a final status."""
    images_per_second: Annotated[float | None, rounded(2)]
    seconds_left: Annotated[float | None, rounded(1)]
    """Estimate; null when unknown."""
    model: str | None
    """Name and version of the one model that classifies its images; null until work begins."""
    labels: Annotated[list[Label], BeforeValidator(named)]
    """The labels of its results, in the model's order; empty before the first image."""
    uncertain: int = 0
    """How many of its results are uncertain."""
    waiting_for: Literal["workers", "model"] | None
    """`workers`: none is up. `model`: none of those that are up has the `model` that began the job;
    it goes on when one comes, or after `POST /jobs/{id}/resume` with theirs. Null while it goes on.
    """
    content_sha256: str | None
    """Of the upload: SHA-256 of the lines that `sha256sum` prints for its files, in order."""
    created_at: Annotated[datetime, TIME]
    started_at: Annotated[datetime | None, TIME]
    finished_at: Annotated[datetime | None, TIME]

    @classmethod
    def of(cls, source: JobRecord) -> Self:
        return counted([super().of(services().readiness.told(source))], [source])[0]


def counted(jobs: list[Job], sources: Sequence[JobRecord]) -> list[Job]:
    """With how many results have each label."""
    found = viewer().result_counts(sources)
    for job in jobs:
        counts = found[job.id]
        job.uncertain = counts.uncertain
        for label in job.labels:
            label.count = counts.labels.get(label.label, 0)
    return jobs


class Triage(Record):
    """The model's operating point for a triage that may miss few."""

    flagged: bool
    """The score reaches the threshold."""
    score: Annotated[float, rounded(6)]
    """Probability of all labels but NORMAL together."""
    threshold: Annotated[float, rounded(6)]
    """Chosen so that 95 % of the ill among the films for validation are flagged; in a hospital that
    training never saw it may be fewer.
    """


class Result(Record):
    """What the model found. Research and triage support, not a diagnosis."""

    label: Annotated[str, Field(examples=["NORMAL"])]
    """The most probable one."""
    probabilities: Annotated[
        dict[str, float],
        Field(examples=[{"COVID19": 0.041, "NORMAL": 0.912, "PNEUMONIA": 0.047}]),
    ]
    """By label, in the model's order; their sum is 1."""
    uncertain: bool
    """Have a person look first."""
    uncertain_reasons: list[Reason]
    """Why. `close_call`: the highest probability is low for this model. `unlike_training`: the
    X-ray is unlike those that the model was trained on. `frame_not_found`: the lungs were not
    found, so the model saw the whole film. Empty in results that are older than this field.
    """
    triage: Triage | None
    """Null when the model has no operating point."""
    suspicion: Annotated[float, rounded(4)]
    """0 to 1: 1 - p(NORMAL), or the highest probability of a model that does not know NORMAL."""
    model: Annotated[str, Field(examples=["efficientnet_attention-2.2.0"])]
    """Name and version."""
    timings_ms: dict[str, float] | None
    """Milliseconds by stage."""


class Gate(Record):
    """The check that an image is a frontal chest X-ray."""

    version: str
    score: float
    """0 to 1; an image below the gate's limit is rejected."""


class Facts(Record):
    """What a file says about its film; null what it does not say."""

    view: Annotated[str | None, Field(examples=["PA"])] = None
    """DICOM's ViewPosition."""
    taken_on: date | None = None
    spacing_mm: Annotated[list[float] | None, Field(examples=[[0.143, 0.143]])] = None
    """Millimetres between the file's rows and between its columns."""
    spacing_at: Literal["detector", "patient"] | None = None
    """Where the spacing was measured: at the detector, shadows are larger than the patient."""
    burned_in_text: Literal["yes", "likely", "unlikely", "no", "unknown"] = "unknown"
    """Whether the picture itself holds text, which may name the patient. `yes` and `no`: as DICOM's
    BurnedInAnnotation says. `likely` and `unlikely`: as its pixels look, whatever the file says of
    there being none. `unknown`: of results that are older than this field."""
    text_boxes: list[Annotated[list[float], Field(examples=[[0.01, 0.01, 0.3, 0.05]])]] = []
    """Where text seems to be: left, top, right and bottom, 0 to 1 of the X-ray."""
    text_hidden: bool = False
    """Whether pictures of the X-ray are black in those places, as the clinic's profile demands."""

    @model_validator(mode="before")
    @classmethod
    def _with_text(cls, kept: dict[str, Any]) -> dict[str, Any]:
        said, boxes = kept.get("burned_in_text"), kept.get("text_boxes")
        if said or boxes:
            text = "yes" if said else "likely"
        elif said is None:
            text = "unknown" if boxes is None else "unlikely"
        else:
            text = "no"
        return kept | {"burned_in_text": text}


class Waiver(Record):
    """A person had the image classified although the gate had refused it."""

    reason: Annotated[str, Field(examples=["lateral"])]
    """Why the gate had refused it."""
    by: str
    at: Annotated[datetime, TIME]


class Deidentified(Record):
    """What was done to a file, as the clinic's profile demands: keywords of DICOM elements;
    of another file, the kinds of data beside its picture (such as EXIF) that were removed."""

    profile: Profile
    removed: list[Annotated[str, Field(examples=["PatientAddress"])]]
    replaced: list[Annotated[str, Field(examples=["StudyInstanceUID"])]]
    """By a pseudonym, another UID, a dummy or nothing."""
    shifted: list[Annotated[str, Field(examples=["StudyDate"])]]
    """Dates, all those of a patient by the same number of days."""
    private: int
    """How many elements of no public standard were removed."""


class OriginalName(Record):
    """What the sender called a file."""

    image_id: int
    original_name: str


class Image(Record):
    """One X-ray of a job."""

    id: Annotated[int, Field(examples=[91])]
    job_id: Annotated[int, Field(examples=[7])]
    filename: Annotated[str, Field(examples=["chest.dcm"])]
    """As uploaded, or a neutral name where the clinic's profile replaces them."""
    status: ImageStatus
    reason: Annotated[str | None, Field(examples=["not_a_chest_xray"])]
    """Code of a rejection or failure."""
    message: str | None
    """The reason in a sentence."""
    result: Result | None
    gate: Gate | None
    """Null when the image did not get that far."""
    waiver: Waiver | None
    """Not null: its result is of a film that the gate had refused."""
    facts: Facts | None
    """Null until it is classified or rejected."""
    patient: str | None
    """The patient's identifier in the file as it is kept: a pseudonym where the clinic keeps those.
    """
    accession: str | None
    """The accession number in the file as it is kept."""
    deidentified: Deidentified | None
    """Null when nothing was taken from its file."""
    width: int | None
    """Pixels."""
    height: int | None
    """Pixels."""
    size_bytes: int
    attempts: int
    """How often a worker began on it."""
    created_at: Annotated[datetime, TIME]
    finished_at: Annotated[datetime | None, TIME]


NextCursor = Annotated[
    str | None, Field(description="Send it as `cursor` for the next page; null on the last.")
]


class JobPage(Record):
    items: list[Job]
    next_cursor: NextCursor

    @classmethod
    def of(cls, source: Page[JobRecord]) -> Self:
        told = [services().readiness.told(job) for job in source.items]
        page = super().of(replace(source, items=told))
        counted(page.items, source.items)
        return page


class ImagePage(Record):
    items: list[Image]
    next_cursor: NextCursor


class Changed(Record):
    changed: int
    """How many images."""


class Place(Record):
    """Where an image stands in a list."""

    position: int | None
    """From 1; null when the image is not in the list."""
    total: int
    """Counted up to 100,000."""
    previous: int | None
    """Id of the image before it."""
    following: int | None
    """Id of the image after it."""


class Tally(Record):
    """How many images a filter lets through.

    Each count but `total` follows the filter without its own part: `statuses` is how many images
    there would be for every choice of `status`.
    """

    total: int
    """Counted up to 100,000."""
    statuses: dict[ImageStatus, int]
    labels: dict[str, int]
    """Of the images with a result."""
    uncertain: int


class Export(Record):
    """A job with all its images."""

    job: Job
    disclaimer: str
    results: list["ReviewedImage"]


class Box(Record):
    """The part of the X-ray that the network saw, as fractions (0 to 1) of width and height."""

    left: float
    top: float
    right: float
    bottom: float


def as_box(sides: Any) -> Any:
    if isinstance(sides, tuple):
        return dict(zip(("left", "top", "right", "bottom"), sides, strict=True))
    return sides


class MapSummary(Record):
    """A map of a result, as a grid over `box`."""

    name: Annotated[str, Field(examples=["attention"])]
    kind: Kind
    """`attention`: where the network looked, 0 to 1. `evidence`: what each place adds to one label
    (`evidence_COVID19` and so on), signed: over 0 speaks for it, under 0 for the other labels.
    """
    unit: str | None
    """Of the values. `log probability per cell`: summed over the whole map of a label, and with a
    constant of the model, its log probability (natural) less the mean of all labels'. Exact unless
    a part of the frame lay beyond the film's edge.
    """
    height: int
    """Rows of the grid."""
    width: int
    """Columns of the grid."""
    box: Annotated[Box, BeforeValidator(as_box)]
    model: str
    """The model whose result it belongs to."""


class MapLinks(Record):
    grid: Annotated[str, Field(examples=["/api/v1/images/91/maps/attention.json"])]
    """The map as numbers."""
    picture: Annotated[str, Field(examples=["/api/v1/images/91/maps/attention.png"])]
    """The map over the X-ray; add `?opacity=`."""


class MapListed(MapSummary):
    """A map, and where to get it."""

    links: MapLinks


class MapList(Record):
    """The maps of an image's result, the main one first."""

    items: list[MapListed]


class Map(MapSummary):
    """A map as numbers, row by row."""

    grid: list[list[Annotated[float, rounded(5)]]]


class ReviewBox(Box):
    """A mark on the film."""

    finding: str
    """What it shows; may be empty."""


class Review(Record):
    """What one reader says about an image's result."""

    image_id: int
    reader: Annotated[str, Field(examples=["Dr. Okafor"])]
    verdict: Verdict
    label: str | None
    """The reader's; null for an unusable film."""
    comment: str
    boxes: list[ReviewBox]
    model: str
    """Whose result was judged."""
    model_label: str
    """What that result said."""
    blind: bool
    """The reader had not seen the result before."""
    created_at: Annotated[datetime, TIME]
    changed_at: Annotated[datetime, TIME]


class Reviews(Record):
    items: list[Review]


class ReviewPage(Record):
    items: list[Review]
    next_cursor: NextCursor


class ReviewProgress(Record):
    """Of a job's images with a result."""

    total: int
    read: int
    """By whoever asks."""
    read_by_anybody: int
    complete: int
    """By as many readers as the job asks for."""
    disagreed: int
    """Images that a reader gave another label than the model."""
    readers_disagree: int
    """Images that readers gave different answers."""


class ReviewedImage(Image):
    """An image, and what readers say about it."""

    reviews: list[Review] = []


class Token(Record):
    """An access token of a program, without its secret."""

    id: int
    name: str
    hint: Annotated[str, Field(examples=["cxr_3fX9"])]
    """How it begins."""
    scopes: list[Scope]
    state: Literal["active", "expired", "revoked"]
    created_at: Annotated[datetime, TIME]
    expires_at: Annotated[datetime | None, TIME]
    """Null: not before it is revoked."""
    last_used_at: Annotated[datetime | None, TIME]
    revoked_at: Annotated[datetime | None, TIME]


class NewToken(Token):
    """An access token that was just created."""

    token: str
    """The secret. It cannot be shown again."""


class TokenList(Record):
    items: list[Token]


class Problem(Record):
    """An error (RFC 9457)."""

    type: Annotated[str, Field(examples=["about:blank"])]
    title: Annotated[str, Field(examples=["Not Found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(examples=["There is no job 7."])]
    code: Annotated[str, Field(examples=["not_found"])]
    """For programs."""
    errors: dict[str, list[str]] | None = None
    """By parameter or header, what is wrong with it; only with the code `invalid_input`."""
