"""A job's counters: they change in the same transaction as its images."""

from collections import Counter

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from worker.records import JobStatus
from worker.store.rows import now
from worker.store.schema import Job


def move(session: Session, job_id: int, changes: Counter) -> None:
    """Add `changes` to the job's counters, and complete it when nothing is left to do."""
    values = {getattr(Job, name): getattr(Job, name) + by for name, by in changes.items()}
    values[Job.revision] = Job.revision + 1
    claimed = changes["running"] > 0
    if claimed:
        values[Job.started_at] = func.coalesce(Job.started_at, now())
    session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    if not claimed:
        complete_if_done(session, job_id)


def complete_if_done(session: Session, job_id: int) -> None:
    """Complete a job that has nothing left to do, unless more images of it may come."""
    session.execute(
        update(Job)
        .where(
            Job.id == job_id,
            Job.status == JobStatus.RUNNING,
            Job.accepted_at.is_not(None),
            Job.open.is_(False),
            Job.waiting == 0,
            Job.running == 0,
        )
        .values(status=JobStatus.COMPLETE, finished_at=now())
        .execution_options(synchronize_session=False)
    )
