"""Whose turn it is: clinics take turns batch by batch, urgent jobs first within a clinic.

The order of claiming decides what is fair, whatever the order of messages. A clinic that comes
after 5,000 images of another waits for one batch of theirs; one that was idle saves nothing up.
Jobs say how many of their images wait, so what is not for this worker costs it nothing to pass by.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from worker.records import ImageStatus
from worker.store.schema import HAS_WAITING, Clinic, Image, Job, status_is

# So many urgent batches of a clinic in a row, then a routine one, so that routine never starves.
URGENT_IN_A_ROW = 4
JOBS_AT_A_TIME = 100
# What is added to an open job goes by the model of that job.
Root = aliased(Job)
ROOT_ID = func.coalesce(Job.part_of, Job.id)


@dataclass(frozen=True)
class Batch:
    """Images, locked, and their jobs by id: `root_id` and `model` of each are of the job that its
    clinic sees."""

    images: Sequence[Row] = ()
    jobs: Mapping[int, Row] = field(default_factory=dict)


def next_batch(session: Session, limit: int, in_hand: bool, model: str | None) -> Batch:
    """Up to `limit` waiting images of the clinic whose turn it is: all urgent or none.

    Only jobs count that are free or pinned to `model`; None: all do. Urgent images come without
    routine ones, for whose company they would wait. An image that was tried before may have killed
    its worker, so it comes alone, and not to a worker that has others `in_hand`: that one gets
    none, finishes them and asks again.
    """
    of_clinic = _jobs(model).where(Job.clinic_id == Clinic.id).correlate(Clinic)
    clinics = session.execute(
        select(Clinic.id, Clinic.urgent_streak)
        .where(of_clinic.exists())
        .order_by(Clinic.turn, Clinic.id)
    ).all()
    for clinic in clinics:
        images: list[Row] = []
        jobs: dict[int, Row] = {}
        for job in _in_order(session, clinic, model):
            if jobs and job.urgent != next(iter(jobs.values())).urgent:
                break
            waiting = session.execute(_waiting_of(job.id, limit - len(images))).all()
            if not waiting:
                continue
            if not jobs and waiting[0].attempts:
                if in_hand:
                    return Batch()
                images, jobs = [waiting[0]], {job.id: job}
                break
            jobs[job.id] = job
            images += [image for image in waiting if not image.attempts]
            if len(images) == limit:
                break
        if images:
            urgent = jobs[images[0].job_id].urgent
            _end_turn(session, clinic, urgent, alone=len(clinics) == 1)
            return Batch(images, jobs)
    return Batch()


def _jobs(model: str | None) -> Select:
    """Jobs with images that wait for a worker of that model."""
    free: ColumnElement[bool] = Root.model.is_(None)
    jobs = (
        select(Job.id, Job.urgent, ROOT_ID.label("root_id"), Root.model)
        .join(Root, Root.id == ROOT_ID)
        .where(HAS_WAITING, Job.deleted_at.is_(None))
    )
    return jobs if model is None else jobs.where(or_(free, Root.model == model))


def _in_order(session: Session, clinic: Row, model: str | None) -> Iterator[Row]:
    """The clinic's jobs that have images for this worker, urgent ones first unless it is the turn
    of a routine one."""
    jobs = _jobs(model).where(Job.clinic_id == clinic.id)
    first, second = Job.urgent.is_(True), Job.urgent.is_(False)
    if clinic.urgent_streak >= URGENT_IN_A_ROW:
        first, second = second, first
    for urgency in (first, second):
        after = 0
        while found := session.execute(
            jobs.where(urgency, Job.id > after).order_by(Job.id).limit(JOBS_AT_A_TIME)
        ).all():
            yield from found
            after = found[-1].id


def _waiting_of(job_id: int, limit: int) -> Select:
    return (
        select(
            *(Image.id, Image.job_id, Image.clinic_id, Image.file_key, Image.attempts),
            Image.waived_reason,
        )
        .where(Image.job_id == job_id, status_is(ImageStatus.WAITING))
        .order_by(Image.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _end_turn(session: Session, clinic: Row, was_urgent: bool, alone: bool) -> None:
    streak = min(clinic.urgent_streak + 1, URGENT_IN_A_ROW) if was_urgent else 0
    if alone and streak == clinic.urgent_streak:
        return  # the usual case, and nothing to write
    last = select(func.max(Clinic.turn)).scalar_subquery()
    session.execute(
        update(Clinic)
        .where(Clinic.id == clinic.id)
        .values(turn=last + 1, urgent_streak=streak)
        .execution_options(synchronize_session=False)
    )
