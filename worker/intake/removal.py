"""Deleted jobs and abandoned uploads: their rows go in chunks, and their files with them."""

from worker.intake.files import ImageFiles
from worker.store import Store

CHUNK = 100
# What a request removes itself, about 0.1 s; the sweeper removes the rest.
AT_ONCE = 200


def remove_some(store: Store, files: ImageFiles, max_images: int | None = None) -> bool:
    """Remove up to `max_images` (AT_ONCE) of what was deleted. Returns: whether more may be left.

    A job's row is the last to go: after a crash in between, it still tells where its files are.
    """
    room = AT_ONCE if max_images is None else max_images
    for job in store.deleted_jobs():
        while room > 0 and (keys := store.remove_images(job.id, min(CHUNK, room))):
            files.delete(key for key in keys if key is not None)
            room -= len(keys)
        if room <= 0:
            return True
        if job.upload is not None:
            files.delete_folder(job.upload)
        store.remove_job(job.id)
    return False
