"""The images of one list as SQL: its pages, and how many there are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, or_, select, true, union_all
from sqlalchemy.orm import Session

from worker.errors import SortTooWide, UnknownLabel
from worker.records.images import ImageFilter, Sort, SortKind
from worker.store.images.facets import Facet, facets_of
from worker.store.images.listing import (
    ACTIVE_OF_IMAGE,
    Order,
    conditions,
    facet_condition,
    needs_result,
    order_of,
)
from worker.store.images.searching import searched
from worker.store.rows import SHOWN, job_row, labels_of_clinic
from worker.store.schema import Image, Job, Result

FEW = 2000  # rows: so many are sorted faster than they are met one by one in the order of a list
MAX_COUNT = 100_000  # rows; a count of more would keep a reader waiting for a number nobody reads
MAX_COUNT_OF_SEARCH = 10_000  # names have to be read for them


class Selection:
    """Those images of a job, or of a whole clinic, in that order.

    most: how many of them are counted. Raises NotFound, UnknownLabel, SortTooWide.
    """

    def __init__(
        self, session: Session, clinic_id: int, job_id: int | None, wanted: ImageFilter, sort: Sort
    ) -> None:
        self._session = session
        self._clinic_id, self._job_id = clinic_id, job_id
        self._sort = sort
        if job_id is None:
            wanted = searched(session, clinic_id, wanted)
        self._wanted = wanted
        # A search that is still there finds what is common.
        self.most = MAX_COUNT_OF_SEARCH if wanted.search and job_id is None else MAX_COUNT
        labels = self._known_labels()
        # With one label, the index of a job's results is walked, and its order kept.
        walks_results = job_id is not None and len(wanted.labels) == 1
        self._order = order_of(sort, Result.image_id if walks_results else Image.id)
        # Each image of the list is in one of these parts; without facets there is only one.
        self._facets = self._helpful_facets(labels)
        # Those that are named, or that a search found.
        self._few = job_id is None and bool(wanted.images)
        if self._facets is not None:
            self._parts = [facet.condition for facet in self._facets] or [false()]
            if sort.kind is SortKind.NAME:
                # No index has the names of each facet. What is rare is sorted, all else soon met.
                self._few = self._count(true(), FEW) < FEW
                self._facets = self._facets if self._few else None
        if self._facets is None:
            self._parts = [facet_condition(wanted, by_index=job_id is not None)]

    def page(
        self,
        columns: Sequence[ColumnElement],
        limit: int,
        offset: int = 0,
        key: Sequence[Any] | None = None,
        back: bool = False,
    ) -> Select:
        """Those behind `key`, in order; `back`: those before it, from there."""
        behind = true() if key is None else self._order.behind(key, back)
        if len(self._parts) == 1 and not self._few:
            # Only a result that is asked for is joined.
            shows_result = any(getattr(column, "class_", None) is Result for column in columns)
            query = self._where_it_is(*columns, with_result=shows_result)
            query = query.where(*self._parts, behind)
        else:
            first = self._first_ids(behind, back, offset + limit)
            ids = self._some_ids(behind, MAX_COUNT) if self._few else first
            # Nothing besides the ids, so that a planner does not walk another index for them.
            query = select(*columns).select_from(Image).outerjoin(Result, ACTIVE_OF_IMAGE)
            query = query.where(Image.id.in_(ids))
        return query.order_by(*self._order.by(back)).offset(offset or None).limit(limit)

    def count(self, key: Sequence[Any] | None = None) -> int:
        """Up to `most`; with `key`, of those before it."""
        return self._count(true() if key is None else self._order.behind(key, True), self.most)

    def of(self, *columns: ColumnElement) -> Select:
        """All of them, in whatever order."""
        return self._where_it_is(*columns, with_result=True).where(or_(*self._parts))

    def _where_it_is(self, *columns: ColumnElement, with_result: bool = False) -> Select:
        """In that clinic or job, and whatever else does not depend on the part."""
        query = select(*columns).select_from(Image)
        # Facets are in the image's own row.
        wanted = self._wanted
        if self._facets is not None:
            wanted = replace(wanted, labels=(), uncertain=None)
        is_inner = needs_result(wanted)
        if is_inner or with_result or self._sort.kind is SortKind.PROBABILITY:
            query = query.join(Result, ACTIVE_OF_IMAGE, isouter=not is_inner)
        where = conditions(self._wanted, self._clinic_id)
        if self._job_id is None:
            query = query.join(Job, Job.id == Image.job_id)
            where += [Image.clinic_id == self._clinic_id, *SHOWN]
        else:
            where.append(Image.job_id == self._job_id)
            if is_inner:
                # Its own index has the job's number too, in the order of the images.
                where.append(Result.job_id == self._job_id)
        return query.where(*where)

    def _helpful_facets(self, labels: Sequence[str]) -> list[Facet] | None:
        """None where the list is walked in its order, as within a job, which has few images."""
        wanted = self._wanted
        if not self._asks_facets or self._job_id is not None or wanted.jobs or wanted.images:
            return None
        return facets_of(self._wanted, labels)

    def _count(self, condition: ColumnElement[bool], limit: int) -> int:
        some = self._some_ids(condition, limit).subquery()
        return self._session.scalar(select(func.count()).select_from(some)) or 0

    def _some_ids(self, condition: ColumnElement[bool], limit: int) -> Select:
        each = [
            select(self._where_it_is(Image.id).where(part, condition).limit(limit).subquery())
            for part in self._parts
        ]
        return select(union_all(*each).subquery()).limit(limit)

    def _first_ids(self, behind: ColumnElement[bool], back: bool, limit: int) -> Select:
        """Of all parts together, merged from the first of each."""
        columns = self._order.columns
        each = [
            select(
                self._where_it_is(*columns)
                .where(part, behind)
                .order_by(*self._order.by(back))
                .limit(limit)
                .subquery()
            )
            for part in self._parts
        ]
        merged = union_all(*each).subquery()
        order = Order(tuple(merged.c), self._order.falls)
        return select(order.columns[-1]).order_by(*order.by(back)).limit(limit)

    @property
    def _asks_facets(self) -> bool:
        wanted = self._wanted
        return bool(wanted.statuses or wanted.labels or wanted.uncertain is not None)

    def _known_labels(self) -> list[str]:
        """All that its results may have, where they matter. Checks those that were named."""
        wanted = self._wanted
        named = [*wanted.labels, wanted.probability_of, self._sort.label]
        named = [label for label in named if label is not None]
        if self._job_id is None:
            if self._sort.kind is SortKind.PROBABILITY:
                raise SortTooWide(
                    "Only the images of one job can be sorted by a probability. Across jobs, sort "
                    "by file, newest, name or suspicion."
                )
            labels = []
            if named or self._asks_facets:
                labels = labels_of_clinic(self._session, self._clinic_id)
            whose = "This clinic has no"
        else:
            labels = job_row(self._session, self._clinic_id, self._job_id).labels or []
            whose = "This job has no"
        for label in named:
            if labels and label not in labels:
                raise UnknownLabel(f"{whose} such label: {label}. Its labels: {', '.join(labels)}.")
        return labels
