"""What readers say about results."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from web.api.records.images import Image
from web.api.records.maps import Box
from web.api.records.record import TIME, NextCursor, Record, RowNumber
from worker.records.reviews import Verdict


class ReviewBox(Box):
    """A mark on the film."""

    finding: str
    """What it shows; may be empty."""


class Review(Record):
    """What one reader says about an image's result."""

    image_id: RowNumber
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
