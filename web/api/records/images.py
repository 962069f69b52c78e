"""Images of a job, and lists of them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from web.api.records.record import TIME, NextCursor, Record, RowNumber
from web.api.records.results import Facts, Gate, Result
from worker.patient_data import Profile
from worker.records.images import ImageStatus


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

    image_id: RowNumber
    original_name: str


class Image(Record):
    """One X-ray of a job."""

    id: Annotated[RowNumber, Field(examples=[91])]
    job_id: Annotated[RowNumber, Field(examples=[7])]
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


class NameOfJob(Record):
    id: Annotated[RowNumber, Field(examples=[7])]
    name: Annotated[str, Field(examples=["Night shift"])]


class ImagePage(Record):
    items: list[Image]
    jobs: list[NameOfJob]
    """Those that the images are of."""
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
    previous: RowNumber | None
    """Id of the image before it."""
    following: RowNumber | None
    """Id of the image after it."""


class Tally(Record):
    """How many images a filter lets through.

    Each count but `total` follows the filter without its own part: `statuses` is how many images
    there would be for every choice of `status`.
    """

    total: int
    """Counted up to 100,000; of a search of the clinic, up to 10,000."""
    statuses: dict[ImageStatus, int]
    labels: dict[str, int]
    """Of the images with a result."""
    uncertain: int
    total_capped: bool
    """Counting ended at `total`: there may be more."""
    counts_capped: bool
    """There may be more than the other counts say."""
