"""Images and their attention maps, for pages, the API and exports."""

from collections.abc import Iterator

import numpy as np
from sqlalchemy import ColumnElement, func, select

from worker.errors import NotFound
from worker.records import ImageRecord, ImageStatus, MapRecord, Page
from worker.store.database import Database
from worker.store.rows import decode_cursor, encode_cursor, image_record, job_row
from worker.store.schema import AttentionMap, Image

EXPORT_CHUNK = 1000


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
        """The job's images in upload order. Raises NotFound, InvalidCursor."""
        query = select(Image).where(*_of_job(job_id, status, label)).order_by(Image.id)
        if cursor is not None:
            query = query.where(Image.id > decode_cursor(cursor))
        with self.database.reading() as session:
            job_row(session, clinic_id, job_id)
            found = session.scalars(query.limit(limit + 1)).all()
            items = [image_record(image) for image in found[:limit]]
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
            image = session.get(Image, image_id)
            if image is None or image.clinic_id != clinic_id:
                raise NotFound(f"There is no image {image_id}.")
            return image_record(image)

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
        before, after = select(func.max(Image.id)), select(func.min(Image.id))
        with self.database.reading() as session:
            previous = session.scalar(before.where(*shown, Image.id < image_id))
            following = session.scalar(after.where(*shown, Image.id > image_id))
            return previous, following

    def attention(self, clinic_id: int, image_id: int) -> MapRecord:
        """Raises NotFound, also when the image has no attention map (yet)."""
        with self.database.reading() as session:
            found = session.get(AttentionMap, image_id)
            if found is None or found.clinic_id != clinic_id:
                raise NotFound(f"There is no attention map of image {image_id}.")
            grid = np.frombuffer(found.grid, dtype="<f2").reshape(found.height, found.width)
            return MapRecord(grid, (found.left, found.top, found.right, found.bottom))


def _of_job(
    job_id: int, status: ImageStatus | None, label: str | None
) -> list[ColumnElement[bool]]:
    wanted = [Image.job_id == job_id]
    if status is not None:
        wanted.append(Image.status == status)
    if label is not None:
        wanted.append(Image.label == label)
    return wanted
