"""What a clinic keeps no longer goes: files of finished jobs, then the jobs themselves."""

from worker.audit import Action, AuditEvent
from worker.errors import JobHeld, NotFound
from worker.intake.files import ImageFiles
from worker.store import Store

FILES_AT_ONCE = 200


def retire(store: Store, files: ImageFiles) -> int:
    """One round. Returns: how many jobs lost their files, or are deleted now."""
    retired = 0
    for clinic_id, job_id in store.due_jobs():
        try:
            store.delete_job(clinic_id, job_id)
        except (NotFound, JobHeld):  # meanwhile
            continue
        store.audit([_event(clinic_id, job_id, "job")])
        retired += 1
    for clinic_id, job_id in store.due_files():
        store.audit([_event(clinic_id, job_id, "files")])
        while keys := store.forget_files(job_id, FILES_AT_ONCE):
            files.delete(keys)
        retired += 1
    return retired


def _event(clinic_id: int, job_id: int, what: str) -> AuditEvent:
    return AuditEvent(
        Action.DELETED, clinic_id, "system", who="retention", job_id=job_id, detail={"what": what}
    )
