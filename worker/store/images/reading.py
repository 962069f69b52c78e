"""Images, their results and maps, for pages, the API and exports."""

from collections.abc import Iterator

import numpy as np
from sqlalchemy import and_, select

from worker.errors import NotFound
from worker.records.images import (
    ImageFilter,
    ImageRecord,
    MapRecord,
    Place,
    Sort,
)
from worker.records.pages import Page
from worker.store.images.counting import ANY, IN_FILE_ORDER, CountingVerbs
from worker.store.images.listing import (
    ACTIVE_OF_IMAGE,
    cursor_after,
    key_of_cursor,
    key_of_image,
)
from worker.store.images.selection import Selection
from worker.store.rows import (
    IMAGE_COLUMNS,
    RESULT_COLUMNS,
    SHOWN,
    image_record,
    labels_of_clinic,
)
from worker.store.schema import HAS_PATIENT, IS_ACTIVE, Image, Job, Result, ResultMap

EXPORT_CHUNK = 1000
_ACTIVE_OF_MAP = (
    Result.image_id == ResultMap.image_id,
    Result.model == ResultMap.model,
    IS_ACTIVE,
)


class ImageVerbs(CountingVerbs):
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

    def labels(self, clinic_id: int) -> list[str]:
        """Those of all the clinic's jobs, in their models' order."""
        with self.database.reading() as session:
            return labels_of_clinic(session, clinic_id)

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
