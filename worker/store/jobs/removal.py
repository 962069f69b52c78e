"""Delete the rows of what was deleted, in chunks, so that nothing else waits for long."""

from collections.abc import Callable

from sqlalchemy import delete, func, select

from worker.records.jobs import DeletedJob
from worker.store.database import Database
from worker.store.keeping.patient_data import OriginalName
from worker.store.schema import Image, Job, Result, ResultMap, Review, ShadowTask

JOBS_AT_ONCE = 100


class RemovalVerbs:
    database: Database

    def deleted_jobs(self) -> list[DeletedJob]:
        """Jobs and uploads whose rows and files are to go, parts before their job."""
        query = select(Job.id, Job.upload).where(Job.deleted_at.is_not(None))
        with self.database.reading() as session:
            rows = session.execute(query.order_by(Job.id.desc()).limit(JOBS_AT_ONCE))
            return [DeletedJob(row.id, row.upload) for row in rows]

    def remove_images(self, job_id: int, limit: int, remove: Callable[[list[str]], None]) -> int:
        """Remove up to `limit` images of a deleted job with their results, maps and reviews.

        remove: is given the keys of their files, and called before the rows go: whatever ends the
        process in between, the next round finds them again. Returns: how many images.
        """
        with self.database.writing() as session:
            rows = session.execute(
                select(Image.id, func.coalesce(Image.file_key, Image.picture_key).label("key"))
                .join(Job, Job.id == Image.job_id)
                .where(Image.job_id == job_id, Job.deleted_at.is_not(None))
                .order_by(Image.id)  # as `save` does: avoids deadlock
                .limit(limit)
                .with_for_update(of=Image)
            ).all()
            remove([row.key for row in rows if row.key is not None])
            ids = [row.id for row in rows]
            for statement in (
                delete(OriginalName).where(OriginalName.image_id.in_(ids)),
                delete(Review).where(Review.image_id.in_(ids)),
                delete(ShadowTask).where(ShadowTask.image_id.in_(ids)),
                delete(ResultMap).where(ResultMap.image_id.in_(ids)),
                delete(Result).where(Result.image_id.in_(ids)),
                delete(Image).where(Image.id.in_(ids)),
            ):
                session.execute(statement.execution_options(synchronize_session=False))
        return len(rows)

    def remove_job(self, job_id: int) -> None:
        """Remove the row of a deleted job that has no images left."""
        with self.database.writing() as session:
            session.execute(
                delete(Job)
                .where(Job.id == job_id, Job.deleted_at.is_not(None))
                .execution_options(synchronize_session=False)
            )
