"""Jobs and tables counted, and what was deleted removed, for the tests of the store."""

from collections import Counter

from sqlalchemy import func, select

from worker.records.images import ImageStatus
from worker.records.jobs import JobRecord
from worker.store import Store
from worker.store.schema import Image


def checked(store: Store, job: JobRecord) -> JobRecord:
    """The job now, once its counters are what its rows say."""
    with store.database.reading() as session:
        by_status = select(Image.status, func.count()).where(Image.job_id == job.id)
        rows = Counter(dict(session.execute(by_status.group_by(Image.status)).all()))
    found = store.job(job.clinic_id, job.id)
    assert {status: getattr(found.counts, status.value) for status in ImageStatus} == {
        status: rows[status] for status in ImageStatus
    }
    assert found.counts.total == rows.total()
    return found


def statuses(store: Store, job: JobRecord) -> list[str]:
    return [image.status.value for image in store.all_images(job.clinic_id, job.id)]


def remove(store: Store) -> list[str]:
    """Remove what was deleted, in small chunks. Returns: the keys of the files."""
    keys = []
    for job in store.deleted_jobs():
        while store.remove_images(job.id, 2, keys.extend):
            pass
        store.remove_job(job.id)
    return keys


def count(store: Store, table: type) -> int:
    with store.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table))
