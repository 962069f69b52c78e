"""Images, their results and maps, for pages, the API and exports."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
from sqlalchemy import ColumnElement, Select, String, and_, cast, func, literal, select
from sqlalchemy.orm import Session

from worker.errors import NotFound, SortTooWide, UnknownLabel
from worker.records import (
    ImageFilter,
    ImageRecord,
    MapRecord,
    Page,
    Place,
    ResultCounts,
    Sort,
    SortKind,
    Tally,
)
from worker.store.database import Database
from worker.store.listing import (
    ACTIVE_OF_IMAGE,
    conditions,
    cursor_after,
    key_of_cursor,
    key_of_image,
    needs_result,
    order_of,
    probability_of,
)
from worker.store.rows import IMAGE_COLUMNS, RESULT_COLUMNS, SHOWN, image_record, job_row
from worker.store.schema import HAS_PATIENT, IS_ACTIVE, Image, Job, Result, ResultMap

EXPORT_CHUNK = 1000
MAX_COUNT = 100_000  # rows; a count of more would keep a reader waiting for a number nobody reads
ANY, IN_FILE_ORDER = ImageFilter(), Sort()
HISTOGRAM_BINS = 10
_ACTIVE_OF_MAP = (
    Result.image_id == ResultMap.image_id,
    Result.model == ResultMap.model,
    IS_ACTIVE,
)


class ImageVerbs:
    database: Database

    def job_of_image(self, image_id: int) -> int | None:
        """The number of its job, in whatever clinic."""
        with self.database.reading() as session:
            return session.scalar(select(Image.job_id).where(Image.id == image_id))

    def images(
        self,
        clinic_id: int,
        job_id: int | None,
        wanted: ImageFilter = ANY,
        sort: Sort = IN_FILE_ORDER,
        cursor: str | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> Page[ImageRecord]:
        """Those images of the job, or of the whole clinic, in that order. Raises NotFound,
        InvalidCursor, UnknownLabel.

        offset: how many to leave out; costs as much as reading them. Until labels are known, every
        label is one of which there are no results yet.
        """
        rows = _Rows(clinic_id, job_id, wanted, sort)
        query = rows.of(*IMAGE_COLUMNS, *RESULT_COLUMNS).order_by(*rows.order.by())
        with self.database.reading() as session:
            rows.check(session)
            if cursor is not None:
                query = query.where(rows.order.behind(key_of_cursor(session, cursor, sort)))
            found = session.execute(query.offset(offset or None).limit(limit + 1)).all()
            items = [image_record(row) for row in found[:limit]]
        more = len(found) > limit
        return Page(items, cursor_after(found[limit - 1], sort) if more else None)

    def all_images(
        self,
        clinic_id: int,
        job_id: int | None,
        wanted: ImageFilter = ANY,
        sort: Sort = IN_FILE_ORDER,
    ) -> Iterator[ImageRecord]:
        """All of `images`, in chunks, so that no transaction stays open. Raises NotFound."""
        cursor = None
        while True:
            page = self.images(clinic_id, job_id, wanted, sort, cursor, limit=EXPORT_CHUNK)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def image(self, clinic_id: int, image_id: int) -> ImageRecord:
        """Raises NotFound."""
        with self.database.reading() as session:
            of_clinic = (Image.id == image_id, Image.clinic_id == clinic_id, *SHOWN)
            query = (
                select(*IMAGE_COLUMNS, *RESULT_COLUMNS)
                .select_from(Image)
                .outerjoin(Result, ACTIVE_OF_IMAGE)
                .join(Job, Job.id == Image.job_id)
            )
            found = session.execute(query.where(*of_clinic)).one_or_none()
            if found is None:
                raise NotFound(f"There is no image {image_id}.")
            return image_record(found)

    def place(
        self,
        clinic_id: int,
        image_id: int,
        job_id: int | None,
        wanted: ImageFilter = ANY,
        sort: Sort = IN_FILE_ORDER,
    ) -> Place:
        """Where the image stands in the list that `images` gives for the same arguments.

        Raises NotFound, UnknownLabel.
        """
        self.image(clinic_id, image_id)
        rows = _Rows(clinic_id, job_id, wanted, sort)
        with self.database.reading() as session:
            rows.check(session)
            total = _count(session, rows.of(literal(1)))
            if session.execute(rows.of(Image.id).where(Image.id == image_id)).one_or_none() is None:
                return Place(None, total, None, None)
            key = key_of_image(session, image_id, sort)
            before = rows.of(literal(1)).where(rows.order.behind(key, back=True))
            beside = [
                session.scalar(
                    rows.of(Image.id)
                    .where(rows.order.behind(key, back))
                    .order_by(*rows.order.by(back))
                    .limit(1)
                )
                for back in (True, False)
            ]
            return Place(1 + _count(session, before), total, *beside)

    def tally(self, clinic_id: int, job_id: int | None, wanted: ImageFilter = ANY) -> Tally:
        """Counts images; of the whole clinic, the newest MAX_COUNT. Raises NotFound,
        UnknownLabel."""
        # One pass over what the rest of the filter lets through serves every count.
        rest = replace(wanted, statuses=(), labels=(), uncertain=None)
        some = _Rows(clinic_id, job_id, rest, Sort(SortKind.NEWEST))
        with self.database.reading() as session:
            rows = _Rows(clinic_id, job_id, wanted, Sort(SortKind.NEWEST))
            rows.check(session)
            found = (
                some.of(Image.status, Result.label, Result.uncertain)
                .order_by(*some.order.by())
                .limit(MAX_COUNT)
                .subquery()
            )
            by = (found.c.status, found.c.label, found.c.uncertain)
            counted = session.execute(select(*by, func.count()).group_by(*by)).all()
            total = _count(session, rows.of(literal(1)))
        statuses, labels, uncertain = Counter(), Counter(), 0
        for status, label, is_uncertain, count in counted:
            fits_status = status in (wanted.statuses or [status])
            fits_label = label in (wanted.labels or [label])
            fits_certainty = wanted.uncertain in (None, is_uncertain)
            if fits_label and fits_certainty:
                statuses[status] += count
            if label is not None and fits_status and fits_certainty:
                labels[label] += count
            if is_uncertain and fits_status and fits_label:
                uncertain += count
        return Tally(total, dict(statuses), dict(labels), uncertain)

    def labels(self, clinic_id: int) -> list[str]:
        """Those of all the clinic's jobs, in their models' order."""
        with self.database.reading() as session:
            return _labels(session, clinic_id)

    def result_counts(self, job_ids: Collection[int]) -> dict[int, ResultCounts]:
        """By job; without results, empty ones."""
        query = (
            select(
                Result.job_id,
                Result.label,
                func.count(),
                func.count().filter(Result.uncertain.is_(True)),
            )
            .where(Result.job_id.in_(job_ids), IS_ACTIVE)
            .group_by(Result.job_id, Result.label)
        )
        labels: dict[int, dict[str, int]] = {job_id: {} for job_id in job_ids}
        uncertain = Counter()
        with self.database.reading() as session:
            for job_id, label, count, doubted in session.execute(query):
                labels[job_id][label] = count
                uncertain[job_id] += doubted
        return {job_id: ResultCounts(labels[job_id], uncertain[job_id]) for job_id in job_ids}

    def histogram(self, clinic_id: int, job_id: int, wanted: ImageFilter = ANY) -> dict:
        """By label of the result: how many results have their label's probability in each tenth.

        Returns: {label: HISTOGRAM_BINS counts}, from 0..0.1 to 0.9..1. Raises NotFound,
        UnknownLabel.
        """
        found: dict[str, list[int]] = {}
        with self.database.reading() as session:
            labels = job_row(session, clinic_id, job_id).labels or []
            for label in labels:
                rows = _Rows(clinic_id, job_id, wanted, Sort(SortKind.FILE))
                rows.check(session)
                tenth = func.floor(probability_of(label) * HISTOGRAM_BINS)
                query = rows.of(tenth.label("tenth"), func.count().label("count"))
                counts = [0] * HISTOGRAM_BINS
                for row in session.execute(query.where(Result.label == label).group_by("tenth")):
                    counts[min(HISTOGRAM_BINS - 1, int(row.tenth))] += row.count
                found[label] = counts
        return found

    def films_of_patient(self, clinic_id: int, image_id: int, limit: int) -> list[ImageRecord]:
        """Other classified films of the patient of this one, the newest `limit` by upload; none
        where the file names no patient."""
        patient = select(Image.patient).where(Image.id == image_id, Image.clinic_id == clinic_id)
        query = (
            select(*IMAGE_COLUMNS, *RESULT_COLUMNS)
            .join(Job, Job.id == Image.job_id)
            .join(Result, ACTIVE_OF_IMAGE)
            .where(
                Image.clinic_id == clinic_id,
                HAS_PATIENT,
                Image.patient == patient.scalar_subquery(),
                Image.id != image_id,
                Image.file_key.is_not(None),
                *SHOWN,
            )
            .order_by(Image.id.desc())
            .limit(limit)
        )
        with self.database.reading() as session:
            return [image_record(row) for row in session.execute(query)]

    def maps(self, clinic_id: int, image_id: int) -> list[MapRecord]:
        """The maps of the image's active result, the main one first; none without a result.

        Raises NotFound.
        """
        query = (
            select(ResultMap)
            .join(Result, and_(*_ACTIVE_OF_MAP))
            .where(ResultMap.image_id == image_id)
            .order_by(ResultMap.position)
        )
        self.image(clinic_id, image_id)
        with self.database.reading() as session:
            return [one for row in session.scalars(query) for one in _map_records(row)]


class _Rows:
    """The images of one list as SQL."""

    def __init__(self, clinic_id: int, job_id: int | None, wanted: ImageFilter, sort: Sort) -> None:
        self._clinic_id, self._job_id = clinic_id, job_id
        self._wanted, self._sort = wanted, sort
        # With one label, the index of results is walked, and its order kept.
        walks_results = job_id is not None and len(wanted.labels) == 1
        self.order = order_of(sort, Result.image_id if walks_results else Image.id)

    def of(self, *columns: ColumnElement) -> Select:
        query = select(*columns).select_from(Image)
        is_inner = needs_result(self._wanted)
        query = query.join(Result, ACTIVE_OF_IMAGE, isouter=not is_inner)
        where = conditions(self._wanted)
        if self._job_id is None:
            query = query.join(Job, Job.id == Image.job_id)
            where += [Image.clinic_id == self._clinic_id, *SHOWN]
        else:
            where.append(Image.job_id == self._job_id)
            if is_inner:
                # Its own index has the job's number too, in the order of the images.
                where.append(Result.job_id == self._job_id)
        return query.where(*where)

    def check(self, session: Session) -> None:
        """Raises NotFound, UnknownLabel, SortTooWide."""
        if self._job_id is None:
            if self._sort.kind is SortKind.PROBABILITY:
                raise SortTooWide(
                    "Only the images of one job can be sorted by a probability. Across jobs, sort "
                    "by file, newest, name or suspicion."
                )
            labels = _labels(session, self._clinic_id) if self._named else []
            whose = "This clinic has no"
        else:
            labels = job_row(session, self._clinic_id, self._job_id).labels or []
            whose = "This job has no"
        for label in self._named:
            if labels and label not in labels:
                raise UnknownLabel(f"{whose} such label: {label}. Its labels: {', '.join(labels)}.")

    @property
    def _named(self) -> list[str]:
        wanted = self._wanted
        named = [*wanted.labels, wanted.probability_of, self._sort.label]
        return [label for label in named if label is not None]


def _labels(session: Session, clinic_id: int) -> list[str]:
    # As text: PostgreSQL cannot compare JSON.
    query = select(cast(Job.labels, String)).where(
        Job.clinic_id == clinic_id, Job.labels.is_not(None), *SHOWN
    )
    lists = session.scalars(query.distinct())
    return [*dict.fromkeys(label for found in lists for label in json.loads(found))]


def _count(session: Session, query: Select) -> int:
    return session.scalar(select(func.count()).select_from(query.limit(MAX_COUNT).subquery())) or 0


def _map_records(row: ResultMap) -> Iterator[MapRecord]:
    names = row.names or [row.name]
    grids = np.frombuffer(row.grid, dtype="<f2").reshape(len(names), row.height, row.width)
    for name, grid in zip(names, grids, strict=True):
        yield MapRecord(name, grid, (row.left, row.top, row.right, row.bottom))
