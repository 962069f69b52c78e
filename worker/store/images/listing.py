"""Filters and orders of images as SQL.

Every order ends with the image's id, so a page begins exactly behind the last row of the one before
(keyset paging), which an index finds at once, however far down the list it is.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    String,
    and_,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
)
from sqlalchemy.orm import Session, aliased

from worker.errors import InvalidCursor
from worker.records.images import ImageFilter, ResultRole, Sort, SortKind
from worker.records.reviews import ReviewState
from worker.store.rows import row_number
from worker.store.schema import IS_ACTIVE, IS_SHADOW, Image, Job, Result, Review

ACTIVE_OF_IMAGE = and_(Result.image_id == Image.id, IS_ACTIVE)
WITHOUT_PROBABILITY = -1.0  # behind every probability


@dataclass(frozen=True)
class Order:
    """`columns` all rise, or all fall; the last is the image's id."""

    columns: tuple[ColumnElement[Any], ...]
    falls: bool = False

    def by(self, back: bool = False) -> list[ColumnElement[Any]]:
        """For ORDER BY; `back`: from the end of the list."""
        return [column.desc() if self.falls != back else column.asc() for column in self.columns]

    def behind(self, key: Sequence[Any], back: bool = False) -> ColumnElement[bool]:
        """The rows behind the one with that key; `back`: those before it."""
        here = tuple_(*self.columns) if len(self.columns) > 1 else self.columns[0]
        there = tuple_(*key) if len(key) > 1 else key[0]
        return here < there if self.falls != back else here > there


def probability_of(label: str) -> ColumnElement[float]:
    return Result.probabilities[label].as_float()


def order_of(sort: Sort, number: ColumnElement[int] = Image.id) -> Order:
    """number: the column of the image's id; that of results where an index of theirs is walked."""
    match sort.kind:
        case SortKind.FILE:
            return Order((number,))
        case SortKind.NEWEST:
            return Order((number,), falls=True)
        case SortKind.NAME:
            return Order((Image.filename, number))
        case SortKind.SUSPICION:
            return Order((Image.reading_rank, number))
        case SortKind.PROBABILITY:
            found = func.coalesce(probability_of(sort.label), WITHOUT_PROBABILITY)
            return Order((-found, number))


def needs_result(wanted: ImageFilter) -> bool:
    """Whether only images with a result can be meant."""
    named = wanted.labels or wanted.probability_of or wanted.review
    return bool(named or wanted.uncertain is not None)


def facet_condition(wanted: ImageFilter, by_index: bool) -> ColumnElement[bool]:
    """Status, label and certainty. by_index: a planner may look for an index by the status."""
    # An expression, not a column, is in no index: the one in the list's order is walked.
    status = Image.status if by_index else type_coerce(Image.status, String).concat("")
    found: list[ColumnElement[bool]] = []
    if wanted.statuses:
        found.append(_one_of(status, wanted.statuses))
    if wanted.labels:
        found.append(_one_of(Result.label, wanted.labels))
    if wanted.uncertain is not None:
        found.append(Result.uncertain.is_(wanted.uncertain))
    return and_(true(), *found)


def conditions(wanted: ImageFilter, clinic_id: int) -> list[ColumnElement[bool]]:
    """All others."""
    found: list[ColumnElement[bool]] = []
    if wanted.probability_of is not None:
        found.append(probability_of(wanted.probability_of) >= wanted.min_probability)
        found.append(probability_of(wanted.probability_of) <= wanted.max_probability)
    if wanted.review is not None:
        found.append(_review_is(wanted.review, wanted.reader))
    if wanted.known_to is not None:
        found.append(is_known_to(wanted.known_to))
    if wanted.uploaded_since is not None:
        found.append(Image.created_at >= wanted.uploaded_since)
    if wanted.uploaded_until is not None:
        found.append(Image.created_at < wanted.uploaded_until)
    if wanted.differs_from is not None:
        found.append(_differs_from(wanted.differs_from, clinic_id))
    if wanted.images:
        found.append(_one_of(Image.id, wanted.images))
    if wanted.jobs:
        found.append(_one_of(Image.job_id, wanted.jobs))
    if wanted.search:
        found.append(
            or_(
                Image.filename.icontains(wanted.search, autoescape=True),
                Image.patient == wanted.search,
                Image.accession == wanted.search,
            )
        )
    return found


def is_known_to(
    reader: str,
    image_id: ColumnElement[int] = Image.id,
    job_id: ColumnElement[int] = Image.job_id,
) -> ColumnElement[bool]:
    """Whether the reader may see the result of the image: its job is not blind, or they have
    reviewed it."""
    job, review = aliased(Job), aliased(Review)  # whatever else the query has of both
    is_blind = exists().where(job.id == job_id, job.blind.is_(True))
    is_answered = exists().where(review.image_id == image_id, review.reader == reader)
    return or_(~is_blind, is_answered)


def _review_is(state: ReviewState, reader: str | None) -> ColumnElement[bool]:
    if state is ReviewState.DISAGREEMENT:
        # Labels that are null are of unusable films, which is an answer too.
        answers = func.count(func.distinct(func.coalesce(Review.label, "")))
        return Image.id.in_(select(Review.image_id).group_by(Review.image_id).having(answers > 1))
    is_read = exists().where(Review.image_id == Image.id, Review.reader == reader)
    return is_read if state is ReviewState.READ else ~is_read


def _differs_from(model: str, clinic_id: int) -> ColumnElement[bool]:
    active = aliased(Result)
    is_active = active.role == ResultRole.ACTIVE
    differing = (
        select(Result.image_id)
        .join(active, and_(active.image_id == Result.image_id, is_active))
        .where(IS_SHADOW, Result.clinic_id == clinic_id, Result.model == model)
        .where(Result.label != active.label)
    )
    return Image.id.in_(differing.correlate(None))


def _one_of(column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    return column == values[0] if len(values) == 1 else column.in_(values)


def cursor_after(row: Row, sort: Sort) -> str:
    """The cursor of the page behind this row.

    It holds no file's name, which may be a patient's: sorted by name, the row is looked up.
    """
    text = str(row.id)
    if sort.kind is SortKind.SUSPICION:
        text = f"{row.reading_rank!r},{row.id}"
    elif sort.kind is SortKind.PROBABILITY:
        found = row.probabilities.get(sort.label) if row.probabilities else None
        text = f"{WITHOUT_PROBABILITY if found is None else found!r},{row.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def key_of_cursor(session: Session, clinic_id: int, cursor: str, sort: Sort) -> tuple[Any, ...]:
    """What `Order.behind` takes. Raises InvalidCursor for anything that `cursor_after` of the same
    order did not make."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        *value, number = text.split(",")
        key = (*map(float, value), row_number(number))
    except (ValueError, binascii.Error):
        key = ()
    if len(key) != (2 if sort.kind in (SortKind.SUSPICION, SortKind.PROBABILITY) else 1):
        raise InvalidCursor(
            "The page cursor is not one that this API gave out for this order. Start again "
            "without a cursor."
        )
    if sort.kind is SortKind.PROBABILITY:
        return (-key[0], key[1])
    if sort.kind is SortKind.NAME:
        return key_of_image(session, clinic_id, key[-1], sort)
    return key


def key_of_image(session: Session, clinic_id: int, image_id: int, sort: Sort) -> tuple[Any, ...]:
    """The image's own place in the order. Raises InvalidCursor when the clinic has no such image:
    the place of another's would tell what its file is called."""
    columns = order_of(sort).columns
    query = select(*columns).select_from(Image).outerjoin(Result, ACTIVE_OF_IMAGE)
    of_clinic = (Image.id == image_id, Image.clinic_id == clinic_id)
    row = session.execute(query.where(*of_clinic)).one_or_none()
    if row is None:
        raise InvalidCursor("The image behind this page cursor was deleted. Start again.")
    return tuple(row)
