"""Reviews, and how a job is read."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool, model_validator

from web.api.inputs.fields import MAX_LABEL, MAX_PER_PAGE, Body, Cursor, Query, Share, Text
from worker.records.reviews import Verdict


class ReviewBoxBody(Body):
    """A mark on the film: its sides as fractions (0 to 1) of width and height."""

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


class ReviewBody(Body):
    """What a reader says about a result."""

    verdict: Verdict
    label: Annotated[str | None, Field(max_length=MAX_LABEL)] = None
    """With `other_label`: one of the model's labels. One that the model gave means `agree`; in a
    blind job, where the reader does not know it, this is how to agree."""
    comment: Annotated[Text, Field(max_length=2000)] = ""
    boxes: Annotated[list[ReviewBoxBody], Field(max_length=50)] = []


class BlindChange(Body):
    blind: StrictBool


class ReadersChange(Body):
    readers: Literal[1, 2]


class ReviewsQuery(Query):
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_PER_PAGE)] = 100
    """Images whose reviews are wanted."""
