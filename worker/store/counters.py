"""A job's counters: they change in the same transaction as its images."""

from collections import Counter
from functools import cache

from sqlalchemy import Update, bindparam, func, update
from sqlalchemy.orm import Session

from worker.records.jobs import JobStatus
from worker.store.rows import now
from worker.store.schema import Job


def move(session: Session, job_id: int, changes: Counter) -> None:
    """Add `changes` to the job's counters, and complete it when nothing is left to do."""
    claimed = changes["running"] > 0
    values = {"job": job_id, **{f"{name}_by": by for name, by in changes.items()}}
    if claimed:
        values["at"] = now()
    session.execute(_moving(tuple(sorted(changes)), claimed), values)
    if not claimed:
        complete_if_done(session, job_id)


def complete_if_done(session: Session, job_id: int) -> None:
    """Complete a job that has nothing left to do, unless more images of it may come."""
    session.execute(_COMPLETING, {"job": job_id, "at": now()})


JOBS = Job.__table__
_COMPLETING = (
    update(JOBS)
    .where(
        JOBS.c.id == bindparam("job"),
        JOBS.c.status == JobStatus.RUNNING,
        JOBS.c.accepted_at.is_not(None),
        JOBS.c.open.is_(False),
        JOBS.c.waiting == 0,
        JOBS.c.running == 0,
    )
    .values(status=JobStatus.COMPLETE, finished_at=bindparam("at"))
)


@cache
def _moving(names: tuple[str, ...], claimed: bool) -> Update:
    values = {name: JOBS.c[name] + bindparam(f"{name}_by") for name in names}
    values["revision"] = JOBS.c.revision + 1
    if claimed:
        started_at = bindparam("at", type_=JOBS.c.started_at.type)
        values["started_at"] = func.coalesce(JOBS.c.started_at, started_at)
    return update(JOBS).where(JOBS.c.id == bindparam("job")).values(values)
