"""Filters by status, label and certainty over a whole clinic, as an index can answer them.

A facet is one combination of the three. An index holds the images of each in order, so a page is
merged from the first rows of those facets that a filter asks for, however rare they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_

from worker.records.images import ImageFilter, ImageStatus
from worker.store.images.listing import needs_result
from worker.store.schema import Image


@dataclass(frozen=True)
class Facet:
    """Without a result, the label is empty. With one, the status is `done`."""

    status: ImageStatus
    label: str = ""
    uncertain: bool = False

    @property
    def condition(self) -> ColumnElement[bool]:
        return and_(
            Image.status == self.status,
            Image.label == self.label,
            Image.uncertain == self.uncertain,
        )


def facets_of(wanted: ImageFilter, labels: Sequence[str]) -> list[Facet]:
    """What the filter asks for; empty when nothing can match.

    labels: all that results of the clinic have.
    """
    statuses = wanted.statuses or tuple(ImageStatus)
    with_result = [
        Facet(ImageStatus.DONE, label, uncertain)
        for label in wanted.labels or labels
        for uncertain in (False, True)
        if wanted.uncertain in (None, uncertain) and ImageStatus.DONE in statuses
    ]
    without = [] if needs_result(wanted) else [Facet(status) for status in statuses]
    return without + with_result
