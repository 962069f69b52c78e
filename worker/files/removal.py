"""Remove deleted jobs and images, and abandoned uploads: rows in chunks, then their files."""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from worker.files.image_files import ImageFiles
from worker.files.space import Reserve
from worker.store import Store

log = logging.getLogger(__name__)

Marked = TypeVar("Marked")
CHUNK = 100
# What a request removes itself, about 0.1 s; the sweeper removes the rest.
AT_ONCE = 200


def delete_job(store: Store, files: ImageFiles, clinic_id: int, job_id: int) -> None:
    """Delete a job, and what of it goes at once. Raises NotFound, JobHeld."""
    _delete(store, files, lambda: store.delete_job(clinic_id, job_id))


def delete_images(store: Store, files: ImageFiles, clinic_id: int, image_ids: Sequence[int]) -> int:
    """Delete images, as a job. Returns: how many of them there were. Raises JobHeld."""
    return _delete(store, files, lambda: store.delete_images(clinic_id, image_ids))


def _delete(store: Store, files: ImageFiles, mark: Callable[[], Marked]) -> Marked:
    """mark: says what is deleted. Works on a full disk, too."""
    try:
        marked = mark()
    except OperationalError as error:
        if not _disk_is_full(error) or not Reserve(files.root.parent).release():
            raise
        marked = mark()
    remove_some(store, files)
    return marked


def _disk_is_full(error: OperationalError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", 0)
    return code == sqlite3.SQLITE_FULL or code & 0xFF == sqlite3.SQLITE_IOERR


def remove_some(store: Store, files: ImageFiles, max_images: int | None = None) -> bool:
    """Remove up to `max_images` (AT_ONCE) of what was deleted. Returns: whether more may be left.

    A job's row is the last to go: after a crash in between, it still tells where its files are.
    """
    room = AT_ONCE if max_images is None else max_images
    for job in store.deleted_jobs():
        try:
            while room > 0 and (
                removed := store.remove_images(job.id, min(CHUNK, room), files.delete)
            ):
                room -= removed
        except OSError as error:  # one bad file must not keep all others
            log.error("files of deleted job %d cannot be removed (%s)", job.id, error.strerror)
            continue
        if room <= 0:
            return True
        if job.upload is not None:
            files.delete_folder(job.upload)
        store.remove_job(job.id)
    return False
