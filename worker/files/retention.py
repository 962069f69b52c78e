"""What a clinic keeps no longer goes: files, pictures and maps of finished jobs, then the jobs."""

from worker.audit import Action, AuditEvent
from worker.errors import JobHeld, NotFound
from worker.files.image_files import ImageFiles
from worker.records.clinics import Retention
from worker.store import Store

AT_ONCE = 200


def retire(store: Store, files: ImageFiles) -> int:
    """One round. Returns: of how many jobs something went."""
    retired = 0
    for clinic_id, job_id, _ in store.due("jobs"):
        try:
            store.delete_job(clinic_id, job_id)
        except (NotFound, JobHeld):  # meanwhile
            continue
        store.audit([_event(clinic_id, job_id, "job")])
        retired += 1
    for kind, forget_some in FORGETTING.items():
        for clinic_id, job_id, keeps in store.due(kind):
            store.audit([_event(clinic_id, job_id, kind)])
            while forget_some(store, files, job_id, keeps):
                pass
            store.note_gone(job_id, kind)
            retired += 1
    return retired


def _forget_files(store: Store, files: ImageFiles, job_id: int, keeps: Retention) -> bool:
    keys = store.forget_files(job_id, AT_ONCE, keeps.pictures_outlive_files)
    (files.delete_originals if keeps.pictures_outlive_files else files.delete)(keys)
    return bool(keys)


def _forget_pictures(store: Store, files: ImageFiles, job_id: int, _: Retention) -> bool:
    keys = store.forget_pictures(job_id, AT_ONCE)
    files.delete(keys)
    return bool(keys)


def _forget_maps(store: Store, _files: ImageFiles, job_id: int, _: Retention) -> bool:
    return store.forget_maps(job_id, AT_ONCE) > 0


# In this order: pictures that go with their files are not looked for again. Each forgets some
# images' of a job, and says whether there were any.
FORGETTING = {"files": _forget_files, "pictures": _forget_pictures, "maps": _forget_maps}


def _event(clinic_id: int, job_id: int, what: str) -> AuditEvent:
    return AuditEvent(
        Action.DELETED, clinic_id, "system", who="retention", job_id=job_id, detail={"what": what}
    )
