"""Deleted jobs and abandoned uploads: their rows go in chunks, and their files with them."""

import time

from worker.intake.files import ImageFiles
from worker.store import Store

CHUNK = 200
# What a request may spend on it; the sweeper removes the rest.
AT_ONCE_S = 0.2


def remove_some(store: Store, files: ImageFiles, for_s: float | None = None) -> bool:
    """Remove what was deleted, for `for_s` seconds (AT_ONCE_S). Returns: whether some is left.

    A job's row is the last to go: after a crash in between, it still tells where its files are.
    """
    until = time.monotonic() + (AT_ONCE_S if for_s is None else for_s)
    for job in store.deleted_jobs():
        while keys := store.remove_images(job.id, CHUNK):
            files.delete(key for key in keys if key is not None)
            if time.monotonic() > until:
                return True
        if job.upload is not None:
            files.delete_folder(job.upload)
        store.remove_job(job.id)
        if time.monotonic() > until:
            return True
    return False
