"""Whose turn it is: clinics take turns batch by batch, urgent jobs first within a clinic.

The order of claiming decides what is fair, whatever the order of messages. A clinic that comes
after 5,000 images of another waits for one batch of theirs; one that was idle saves nothing up.
Jobs say how many of their images wait, so what is not for this worker costs it nothing to pass by.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from typing import Any

from sqlalchemy import Row, Select, bindparam, false, func, or_, select, true, update
from sqlalchemy.orm import Session

from worker.records.images import ImageStatus
from worker.store.keeping.patient_data import CHANGES_FILES, PatientData
from worker.store.schema import HAS_WAITING, Clinic, Image, Job

# So many urgent batches of a clinic in a row, then a routine one, so that routine never starves.
URGENT_IN_A_ROW = 4
JOBS_AT_A_TIME = 100
CLINICS, JOBS, IMAGES = Clinic.__table__, Job.__table__, Image.__table__
# What is added to an open job goes by the model of that job.
ROOTS = JOBS.alias("roots")
IS_ROOT = ROOTS.c.id == func.coalesce(JOBS.c.part_of, JOBS.c.id)


@dataclass(frozen=True)
class Batch:
    """Images, locked, and their jobs by id: `root_id` and `model` of each are of the job that its
    clinic sees. cleaned: the clinic's profile changes files."""

    images: Sequence[Row] = ()
    jobs: Mapping[int, Row] = field(default_factory=dict)
    cleaned: bool = False


def next_batch(
    session: Session, limit: int, in_hand: bool, model: str | None, share: int | None = None
) -> Batch:
    """Up to `limit` waiting images of the clinic whose turn it is: all urgent or none.

    share: of a job it leaves half of what waits to other workers, unless that is fewer than so
    many; None: it leaves none. So a small job, or the end of a large one, is done by all at once.

    Only jobs count that are free or pinned to `model`; None: all do. Urgent images come without
    routine ones, for whose company they would wait. An image that was tried before may have killed
    its worker, so it comes alone, and not to a worker that has others `in_hand`: that one gets
    none, finishes them and asks again.
    """
    of_model = {} if model is None else {"model": model}
    clinics = session.execute(_clinics(bool(of_model)), of_model).all()
    for clinic in clinics:
        images: list[Row] = []
        jobs: dict[int, Row] = {}
        for job in _in_order(session, clinic, of_model):
            if jobs and job.urgent != next(iter(jobs.values())).urgent:
                break
            at_most = limit - len(images)
            if share is not None:
                at_most = min(at_most, max(share, ceil(job.waiting / 2)))
            more = {"job": job.id, "at_most": at_most}
            waiting = session.execute(_WAITING_OF_JOB, more).all()
            if not waiting:
                continue
            if not jobs and waiting[0].attempts:
                if in_hand:
                    return Batch()
                images, jobs = [waiting[0]], {job.id: job}
                break
            jobs[job.id] = job
            images += [image for image in waiting if not image.attempts]
            if len(images) == limit or (share is not None and len(waiting) == at_most):
                break
        if images:
            urgent = jobs[images[0].job_id].urgent
            _end_turn(session, clinic, urgent, alone=len(clinics) == 1)
            return Batch(images, jobs, clinic.cleaned)
    return Batch()


def _in_order(session: Session, clinic: Row, of_model: dict[str, Any]) -> Iterator[Row]:
    """The clinic's jobs that have images for this worker, urgent ones first unless it is the turn
    of a routine one."""
    routine_first = clinic.urgent_streak >= URGENT_IN_A_ROW
    for urgent in (False, True) if routine_first else (True, False):
        jobs = _jobs_of_clinic(bool(of_model), urgent)
        where = {"clinic": clinic.id, "after": 0} | of_model
        while found := session.execute(jobs, where).all():
            yield from found
            where["after"] = found[-1].id


def _end_turn(session: Session, clinic: Row, was_urgent: bool, alone: bool) -> None:
    streak = min(clinic.urgent_streak + 1, URGENT_IN_A_ROW) if was_urgent else 0
    if alone and streak == clinic.urgent_streak:
        return  # the usual case, and nothing to write
    last = select(func.max(CLINICS.c.turn)).scalar_subquery()
    session.execute(
        update(CLINICS).where(CLINICS.c.id == clinic.id).values(turn=last + 1, urgent_streak=streak)
    )


# Statements are built once: for a claim of four images, building them took longer than all the
# rest.


def _jobs(of_model: bool) -> Select:
    """Jobs with images that wait for a worker of `model`, or of any."""
    jobs = (
        select(
            *(JOBS.c.id, JOBS.c.urgent, JOBS.c.waiting),
            *(ROOTS.c.id.label("root_id"), ROOTS.c.model),
        )
        .join(ROOTS, IS_ROOT)
        .where(HAS_WAITING, JOBS.c.deleted_at.is_(None))
    )
    if not of_model:
        return jobs
    return jobs.where(or_(ROOTS.c.model.is_(None), ROOTS.c.model == bindparam("model")))


# Read with each claim, so that a profile counts at once and costs clinics without one no query.
_IS_CLEANED = (
    select(PatientData.clinic_id)
    .where(PatientData.clinic_id == CLINICS.c.id, CHANGES_FILES)
    .correlate(CLINICS)
    .exists()
)


@cache
def _clinics(of_model: bool) -> Select:
    """Clinics that have such jobs, in turn."""
    of_clinic = _jobs(of_model).where(JOBS.c.clinic_id == CLINICS.c.id).correlate(CLINICS)
    return (
        select(CLINICS.c.id, CLINICS.c.urgent_streak, _IS_CLEANED.label("cleaned"))
        .where(of_clinic.exists())
        .order_by(CLINICS.c.turn, CLINICS.c.id)
    )


@cache
def _jobs_of_clinic(of_model: bool, urgent: bool) -> Select:
    return (
        _jobs(of_model)
        .where(
            JOBS.c.clinic_id == bindparam("clinic"),
            JOBS.c.urgent.is_(true() if urgent else false()),
            JOBS.c.id > bindparam("after"),
        )
        .order_by(JOBS.c.id)
        .limit(JOBS_AT_A_TIME)
    )


_WAITING_OF_JOB = (
    select(
        *(IMAGES.c.id, IMAGES.c.job_id, IMAGES.c.clinic_id, IMAGES.c.file_key, IMAGES.c.attempts),
        IMAGES.c.waived_reason,
    )
    .where(IMAGES.c.job_id == bindparam("job"), IMAGES.c.status == ImageStatus.WAITING)
    .order_by(IMAGES.c.id)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
