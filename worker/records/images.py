"""Images of a job, what a model says about one, and lists of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np

from model.scores import GateScore, Triage
from worker.reading_order import suspicion
from worker.records.reviews import ReviewState

# Refusals by the gate, or by what a file says about itself, that a person may overrule.
WAIVABLE = ("not_a_chest_xray", "lateral", "rotated")


class ImageStatus(StrEnum):
    """Where an image stands. The last four are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ResultRole(StrEnum):
    """An active result is the image's; a shadow one is kept for comparison and never shown."""

    ACTIVE = "active"
    SHADOW = "shadow"


class SortKind(StrEnum):
    """Orders of a list of images. By name: of the file. By suspicion: `worker.reading_order`."""

    FILE = "file"
    NEWEST = "newest"
    NAME = "name"
    SUSPICION = "suspicion"
    PROBABILITY = "probability"


@dataclass(frozen=True)
class Sort:
    """`label` is the one whose probability orders, the highest first; None for other kinds."""

    kind: SortKind = SortKind.FILE
    label: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.label}" if self.label else self.kind.value


@dataclass(frozen=True)
class ImageFilter:
    """Which images are wanted; what is empty or None asks for nothing.

    The probability of the label `probability_of` is between the two limits, 0..1. `search`: part of
    the file's name, or a patient's identifier or an accession number in full. `reader`: by whom an
    image is read or unread. `uploaded_since` and `uploaded_until`: aware; the second is the first
    moment that no longer counts. `differs_from`: a shadow model that gave the image another label
    than its result has. `known_to`: a reader; images of blind jobs that they have not
    reviewed are left out.
    """

    statuses: tuple[ImageStatus, ...] = ()
    labels: tuple[str, ...] = ()
    uncertain: bool | None = None
    probability_of: str | None = None
    min_probability: float = 0.0
    max_probability: float = 1.0
    search: str | None = None
    jobs: tuple[int, ...] = ()
    images: tuple[int, ...] = ()
    review: ReviewState | None = None
    reader: str | None = None
    uploaded_since: datetime | None = None
    uploaded_until: datetime | None = None
    differs_from: str | None = None
    known_to: str | None = None

    @property
    def depends_on_results(self) -> bool:
        """Whether what models or other readers said decides which images are wanted."""
        by_readers = self.review is ReviewState.DISAGREEMENT
        by_model = self.labels or self.uncertain is not None or self.probability_of is not None
        return bool(by_model or by_readers or self.differs_from)


@dataclass(frozen=True)
class Place:
    """Where an image stands in a list of images: `position` of `total`, from 1, and the ids of the
    images beside it. `position` is None, and nothing is beside it, when it is not in the list.

    `total` is counted up to a limit; at the limit there may be more.
    """

    position: int | None
    total: int
    previous: int | None
    following: int | None


@dataclass(frozen=True)
class Tally:
    """How many images a filter lets through, up to a limit.

    Each of the other counts follows the filter but for its own part of it: `statuses` tells how
    many images there would be for every choice of the status. total_capped, counts_capped: counting
    ended at the limit, so there may be more.
    """

    total: int
    statuses: dict[ImageStatus, int]
    labels: dict[str, int]
    uncertain: int
    total_capped: bool = False
    counts_capped: bool = False


@dataclass(frozen=True)
class ResultCounts:
    """How many results of a job have each label, and how many of all are uncertain."""

    labels: dict[str, int]
    uncertain: int


@dataclass(frozen=True)
class ResultRecord:
    """What a model says about an image. `probabilities` by label, in the model's order.

    uncertain_reasons: see `model.doubt`; none in older results, even of uncertain ones.
    """

    model: str
    label: str
    probabilities: dict[str, float]
    uncertain: bool
    timings_ms: dict[str, float] | None
    uncertain_reasons: tuple[str, ...] = ()
    triage: Triage | None = None

    @property
    def suspicion(self) -> float:
        """0..1, see `worker.reading_order`."""
        return suspicion(self.probabilities)


@dataclass(frozen=True)
class Waiver:
    """A person had an image classified that the gate had refused for `reason`."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class ImageRecord:
    """One X-ray and its active result. `reason` is a code, `message` the sentence for a human.

    facts: what the file says about the film, as `model.reading.facts.FilmFacts.as_json`.
    patient, accession: identifiers in the file as it is kept.
    deidentified: what was done to its file, as `worker.patient_data.Changes.as_json`.
    picture_key: of the file whose small picture is still there, when the file itself is gone.
    """

    id: int
    job_id: int
    filename: str
    status: ImageStatus
    reason: str | None
    message: str | None
    result: ResultRecord | None
    gate: GateScore | None
    width: int | None
    height: int | None
    size_bytes: int
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    file_key: str | None
    facts: dict[str, Any] | None = None
    patient: str | None = None
    accession: str | None = None
    waiver: Waiver | None = None
    deidentified: dict[str, Any] | None = None
    picture_key: str | None = None


@dataclass(frozen=True)
class MapRecord:
    """grid: (h, w) float16 over the part of the X-ray inside `box`; attention is 0..1, evidence
    signed (`model.evidence`).

    box: left, top, right, bottom as fractions (0..1) of its width and height.
    """

    name: str
    grid: np.ndarray
    box: tuple[float, float, float, float]
