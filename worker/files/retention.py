"""Enforce retention: delete files, pictures and maps of finished jobs, then the jobs."""

import logging

from worker.audit import Action, AuditEvent
from worker.errors import JobHeld, JobNotFinished, NotFound
from worker.files.image_files import ImageFiles
from worker.records.clinics import Retention
from worker.store import Store

log = logging.getLogger(__name__)

AT_ONCE = 100  # in one transaction, with their files


def retire(store: Store, files: ImageFiles) -> int:
    """One round. Returns: of how many jobs something went."""
    retired = 0
    for clinic_id, job_id, _ in store.due("jobs"):
        try:
            store.delete_job(clinic_id, job_id, [_event(clinic_id, job_id, "job")])
        except (NotFound, JobHeld):  # meanwhile
            continue
        retired += 1
    for kind in FORGETTING:
        for clinic_id, job_id, keeps in store.due(kind):
            gone, is_all = _forget(store, files, job_id, kind, keeps)
            if gone or is_all:
                store.audit([_event(clinic_id, job_id, kind)])
                retired += 1
            if is_all:  # after its entry: a sweeper that died in between comes back to the job
                store.note_gone(job_id, kind)
    return retired


def _forget(
    store: Store, files: ImageFiles, job_id: int, kind: str, keeps: Retention
) -> tuple[int, bool]:
    """Returns: of how many images that kind went, and whether it is all that the job had."""
    gone = 0
    try:
        while some := FORGETTING[kind](store, files, job_id, keeps):
            gone += some
        return gone, True
    except (JobHeld, JobNotFinished):  # meanwhile
        return gone, False
    except OSError as error:  # one bad file must not keep all others
        log.error("%s of job %d cannot be removed (%s)", kind, job_id, error.strerror)
        return gone, False


def _forget_files(store: Store, files: ImageFiles, job_id: int, keeps: Retention) -> int:
    stays = keeps.pictures_outlive_files
    remove = files.delete_originals if stays else files.delete
    return store.forget_files(job_id, AT_ONCE, stays, remove)


def _forget_pictures(store: Store, files: ImageFiles, job_id: int, _: Retention) -> int:
    return store.forget_pictures(job_id, AT_ONCE, files.delete)


def _forget_maps(store: Store, _files: ImageFiles, job_id: int, _: Retention) -> int:
    return store.forget_maps(job_id, AT_ONCE)


# In this order: pictures that go with their files are not looked for again. Each forgets some
# images' of a job, and says of how many.
FORGETTING = {"files": _forget_files, "pictures": _forget_pictures, "maps": _forget_maps}


def _event(clinic_id: int, job_id: int, what: str) -> AuditEvent:
    return AuditEvent(
        Action.DELETED, clinic_id, "system", who="retention", job_id=job_id, detail={"what": what}
    )
