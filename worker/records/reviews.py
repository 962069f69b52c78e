"""What readers say about results."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What a reader says about a result: it is right, another label is, or the film cannot be
    judged."""

    AGREE = "agree"
    OTHER_LABEL = "other_label"
    UNUSABLE = "unusable"


class ReviewState(StrEnum):
    """Of images with a result: read or not by whoever asks, or readers gave different answers."""

    UNREAD = "unread"
    READ = "read"
    DISAGREEMENT = "disagreement"


@dataclass(frozen=True)
class ReviewBox:
    """A mark on the film: its sides as shares (0..1) of width and height, and what it shows."""

    left: float
    top: float
    right: float
    bottom: float
    finding: str = ""


@dataclass(frozen=True)
class NewReview:
    """What a reader says. `label` goes with `other_label`; that of the model means `agree`."""

    verdict: Verdict
    label: str | None = None
    comment: str = ""
    boxes: tuple[ReviewBox, ...] = ()


@dataclass(frozen=True)
class ReviewRecord:
    """One reader's review of an image. `label` is the reader's, also when they agree; None for an
    unusable film. `model`, `model_label`: the result that was judged. `blind`: unseen before."""

    image_id: int
    reader: str
    verdict: Verdict
    label: str | None
    comment: str
    boxes: tuple[ReviewBox, ...]
    model: str
    model_label: str
    blind: bool
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True)
class ReviewProgress:
    """Of a job's images with a result: how many this reader, and how many anybody, has read.

    complete: read by as many readers as the job asks for. disagreed: a reader gave another label
    than the model. readers_disagree: two readers gave different answers.
    """

    total: int
    read: int
    read_by_anybody: int
    complete: int
    disagreed: int
    readers_disagree: int
