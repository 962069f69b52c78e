"""Images, their results and maps, for pages, the API and exports."""

from collections.abc import Iterator

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, func, select

from worker.errors import NotFound, UnknownLabel
from worker.records import ImageRecord, ImageStatus, MapRecord, Page
from worker.store.database import Database
from worker.store.rows import (
    IMAGE_COLUMNS,
    RESULT_COLUMNS,
    SHOWN,
    decode_cursor,
    encode_cursor,
    image_record,
    job_row,
)
from worker.store.schema import IS_ACTIVE, Image, Job, Result, ResultMap

EXPORT_CHUNK = 1000
_ACTIVE_OF_IMAGE = (Result.image_id == Image.id, IS_ACTIVE)
_ACTIVE_OF_MAP = (
    Result.image_id == ResultMap.image_id,
    Result.model == ResultMap.model,
    IS_ACTIVE,
)


class ImageVerbs:
    database: Database

    def images(
        self,
        clinic_id: int,
        job_id: int,
        status: ImageStatus | None = None,
        label: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[ImageRecord]:
        """The job's images in upload order. Raises NotFound, InvalidCursor, UnknownLabel.

        Until the job's labels are known, every label is one of which there are no results yet.
        """
        # With a label, the index of results is walked, and its order kept.
        number = Result.image_id if label else Image.id
        query = _with_result(label).where(*_of_job(job_id, status, label)).order_by(number)
        if cursor is not None:
            query = query.where(number > decode_cursor(cursor))
        with self.database.reading() as session:
            _check_label(label, job_row(session, clinic_id, job_id).labels)
            found = session.execute(query.limit(limit + 1)).all()
            items = [image_record(row) for row in found[:limit]]
        return Page(items, encode_cursor(items[-1].id) if len(found) > limit else None)

    def all_images(self, clinic_id: int, job_id: int) -> Iterator[ImageRecord]:
        """Every image of the job, in chunks, so that no transaction stays open. Raises NotFound."""
        cursor = None
        while True:
            page = self.images(clinic_id, job_id, cursor=cursor, limit=EXPORT_CHUNK)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def image(self, clinic_id: int, image_id: int) -> ImageRecord:
        """Raises NotFound."""
        with self.database.reading() as session:
            of_clinic = (Image.id == image_id, Image.clinic_id == clinic_id, *SHOWN)
            query = _with_result().join(Job, Job.id == Image.job_id).where(*of_clinic)
            found = session.execute(query).one_or_none()
            if found is None:
                raise NotFound(f"There is no image {image_id}.")
            return image_record(found)

    def neighbours(
        self,
        clinic_id: int,
        image_id: int,
        status: ImageStatus | None = None,
        label: str | None = None,
    ) -> tuple[int | None, int | None]:
        """Ids of the images before and after this one in its job, of those with that status and
        label. Raises NotFound."""
        shown = _of_job(self.image(clinic_id, image_id).job_id, status, label)
        number = Result.image_id if label else Image.id
        before = _joined(select(func.max(number)).select_from(Image), label)
        after = _joined(select(func.min(number)).select_from(Image), label)
        with self.database.reading() as session:
            previous = session.scalar(before.where(*shown, number < image_id))
            following = session.scalar(after.where(*shown, number > image_id))
            return previous, following

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
            return [_map_record(found) for found in session.scalars(query)]


def _check_label(label: str | None, labels: list[str] | None) -> None:
    if label and labels and label not in labels:
        raise UnknownLabel(f"This job has no such label. Its labels: {', '.join(labels)}.")


def _of_job(
    job_id: int, status: ImageStatus | None, label: str | None
) -> list[ColumnElement[bool]]:
    wanted = [Image.job_id == job_id]
    if status is not None:
        wanted.append(Image.status == status)
    if label is not None:
        # Its own index has the job's number too, in the order of the images.
        wanted += [Result.job_id == job_id, Result.label == label]
    return wanted


def _with_result(label: str | None = None) -> Select:
    """Images with their active result; with a label only those that have one."""
    query = select(*IMAGE_COLUMNS, *RESULT_COLUMNS).select_from(Image)
    return _joined(query, label) if label else query.outerjoin(Result, and_(*_ACTIVE_OF_IMAGE))


def _joined(query: Select, label: str | None) -> Select:
    return query.join(Result, and_(*_ACTIVE_OF_IMAGE)) if label else query


def _map_record(found: ResultMap) -> MapRecord:
    grid = np.frombuffer(found.grid, dtype="<f2").reshape(found.height, found.width)
    return MapRecord(found.name, grid, (found.left, found.top, found.right, found.bottom))
