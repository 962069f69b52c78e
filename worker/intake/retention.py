"""What a clinic keeps no longer goes: files, pictures and maps of finished jobs, then the jobs."""

from worker.audit import Action, AuditEvent
from worker.errors import JobHeld, NotFound
from worker.intake.files import ImageFiles
from worker.store import Store

AT_ONCE = 200


def retire(store: Store, files: ImageFiles) -> int:
    """One round. Returns: of how many jobs something went."""
    retired = 0
    for clinic_id, job_id in store.due_jobs():
        try:
            store.delete_job(clinic_id, job_id)
        except (NotFound, JobHeld):  # meanwhile
            continue
        store.audit([_event(clinic_id, job_id, "job")])
        retired += 1
    for clinic_id, job_id, pictures_stay in store.due_files():
        store.audit([_event(clinic_id, job_id, "files")])
        while keys := store.forget_files(job_id, AT_ONCE, pictures_stay):
            (files.delete_originals if pictures_stay else files.delete)(keys)
        store.note_gone(job_id, "files")
        retired += 1
    for clinic_id, job_id in store.due_pictures():
        store.audit([_event(clinic_id, job_id, "pictures")])
        while keys := store.forget_pictures(job_id, AT_ONCE):
            files.delete(keys)
        store.note_gone(job_id, "pictures")
        retired += 1
    for clinic_id, job_id in store.due_maps():
        store.audit([_event(clinic_id, job_id, "maps")])
        while store.forget_maps(job_id, AT_ONCE):
            pass
        store.note_gone(job_id, "maps")
        retired += 1
    return retired


def _event(clinic_id: int, job_id: int, what: str) -> AuditEvent:
    return AuditEvent(
        Action.DELETED, clinic_id, "system", who="retention", job_id=job_id, detail={"what": what}
    )
