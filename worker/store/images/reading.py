"""Images, their results and maps, for pages, the API and exports."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
from sqlalchemy import and_, case, func, select

from worker.errors import NotFound
from worker.records.images import (
    ImageFilter,
    ImageRecord,
    ImageStatus,
    MapRecord,
    Place,
    ResultCounts,
    Sort,
    SortKind,
    Tally,
)
from worker.records.jobs import Pace
from worker.records.pages import Page
from worker.store.database import Database
from worker.store.images.listing import (
    ACTIVE_OF_IMAGE,
    cursor_after,
    is_known_to,
    key_of_cursor,
    key_of_image,
    probability_of,
)
from worker.store.images.searching import searched
from worker.store.images.selection import MAX_COUNT, Selection
from worker.store.rows import (
    IMAGE_COLUMNS,
    RESULT_COLUMNS,
    SHOWN,
    image_record,
    job_row,
    labels_of_clinic,
)
from worker.store.schema import HAS_PATIENT, IS_ACTIVE, Image, Job, Result, ResultMap

EXPORT_CHUNK = 1000
ANY, IN_FILE_ORDER = ImageFilter(), Sort()
HISTOGRAM_BINS = 10
PACE_PARTS = 26
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
        with self.database.reading() as session:
            selection = Selection(session, clinic_id, job_id, wanted, sort)
            key = None if cursor is None else key_of_cursor(session, clinic_id, cursor, sort)
            columns = (*IMAGE_COLUMNS, *RESULT_COLUMNS)
            found = session.execute(selection.page(columns, limit + 1, offset, key)).all()
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
        """All of `images`, in chunks, so that no transaction stays open.

        The first chunk is read at once, so that a wrong filter is found before anything is sent.
        Raises what `images` does.
        """

        def chunk(cursor: str | None) -> Page[ImageRecord]:
            return self.images(clinic_id, job_id, wanted, sort, cursor, limit=EXPORT_CHUNK)

        def items(found: Page[ImageRecord]) -> Iterator[ImageRecord]:
            yield from found.items
            while found.next_cursor is not None:
                found = chunk(found.next_cursor)
                yield from found.items

        return items(chunk(None))

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
        with self.database.reading() as session:
            selection = Selection(session, clinic_id, job_id, wanted, sort)
            total = selection.count()
            this = selection.of(Image.id).where(Image.id == image_id)
            if session.execute(this).one_or_none() is None:
                return Place(None, total, None, None)
            key = key_of_image(session, clinic_id, image_id, sort)
            beside = [
                session.scalar(selection.page([Image.id], 1, key=key, back=back))
                for back in (True, False)
            ]
            return Place(1 + selection.count(key), total, *beside)

    def tally(self, clinic_id: int, job_id: int | None, wanted: ImageFilter = ANY) -> Tally:
        """Counts images; of the whole clinic, the newest MAX_COUNT. Raises NotFound,
        UnknownLabel."""
        # One pass over what the rest of the filter lets through serves every count.
        rest = replace(wanted, statuses=(), labels=(), uncertain=None)
        newest = Sort(SortKind.NEWEST)
        with self.database.reading() as session:
            if job_id is None:
                wanted = searched(session, clinic_id, wanted)
                rest = replace(rest, search=wanted.search, images=wanted.images)
            total = Selection(session, clinic_id, job_id, wanted, newest).count()
            some = Selection(session, clinic_id, job_id, rest, newest)
            columns = (Image.status, Image.label, Image.uncertain)
            found = some.page(columns, MAX_COUNT).subquery()
            by = (found.c.status, found.c.label, found.c.uncertain)
            counted = session.execute(select(*by, func.count()).group_by(*by)).all()
        statuses, labels, uncertain = Counter(), Counter(), 0
        for status, label_or_none, is_marked, count in counted:
            label = label_or_none or None
            is_uncertain = is_marked if label else None
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
            return labels_of_clinic(session, clinic_id)

    def result_counts(
        self, job_ids: Collection[int], known_to: str | None = None
    ) -> dict[int, ResultCounts]:
        """By job; without results, empty ones. known_to: as in `ImageFilter`."""
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
        if known_to is not None:
            query = query.where(is_known_to(known_to, Result.image_id, Result.job_id))
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
                some = Selection(session, clinic_id, job_id, wanted, IN_FILE_ORDER)
                tenth = func.floor(probability_of(label) * HISTOGRAM_BINS)
                query = some.of(tenth.label("tenth"), func.count().label("count"))
                counts = [0] * HISTOGRAM_BINS
                for row in session.execute(query.where(Result.label == label).group_by("tenth")):
                    counts[min(HISTOGRAM_BINS - 1, int(row.tenth))] += row.count
                found[label] = counts
        return found

    def pace(self, clinic_id: int, job_id: int) -> Pace | None:
        """From the first image of the job that was finished to the last; None before there are two
        times. Raises NotFound."""
        finished = (
            Image.job_id == job_id,
            Image.status.in_((ImageStatus.DONE, ImageStatus.REJECTED, ImageStatus.FAILED)),
            Image.finished_at.is_not(None),
        )
        ends = select(func.min(Image.finished_at), func.max(Image.finished_at)).where(*finished)
        with self.database.reading() as session:
            job_row(session, clinic_id, job_id)
            first, last = session.execute(ends).one()
            if first is None or first == last:
                return None
            step = (last - first) / PACE_PARTS
            borders = [first + step * place for place in range(1, PACE_PARTS)]
            part = case(
                *((Image.finished_at < border, place) for place, border in enumerate(borders)),
                else_=PACE_PARTS - 1,
            ).label("part")
            counted = select(part, func.count()).where(*finished).group_by("part")
            counts = dict(session.execute(counted).all())
        return Pace(
            step.total_seconds(), tuple(counts.get(place, 0) for place in range(PACE_PARTS))
        )

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


def _map_records(row: ResultMap) -> Iterator[MapRecord]:
    names = row.names or [row.name]
    grids = np.frombuffer(row.grid, dtype="<f2").reshape(len(names), row.height, row.width)
    for name, grid in zip(names, grids, strict=True):
        yield MapRecord(name, grid, (row.left, row.top, row.right, row.bottom))
