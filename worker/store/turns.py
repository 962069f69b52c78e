"""Whose turn it is: clinics take turns batch by batch, urgent images first within a clinic.

The order of claiming decides what is fair, whatever the order of messages. A clinic that comes
after 5,000 images of another waits for one batch of theirs; one that was idle saves nothing up.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Row, Select, exists, func, select, update
from sqlalchemy.orm import Session

from worker.records import ImageStatus
from worker.store.schema import Clinic, Image, Job, status_is

# So many urgent batches of a clinic in a row, then a routine one, so that routine never starves.
URGENT_IN_A_ROW = 4


def next_batch(session: Session, limit: int, in_hand: bool) -> Sequence[Row]:
    """Up to `limit` waiting images of the clinic whose turn it is, locked: all urgent or none.

    Urgent ones come without routine ones, for whose company they would wait. An image that was
    tried before may have killed its worker, so it comes alone, and not to a worker that has others
    `in_hand`: that one gets none, finishes them and asks again.
    """
    clinics = session.execute(
        select(Clinic.id, Clinic.urgent_streak)
        .where(exists().where(Image.clinic_id == Clinic.id, status_is(ImageStatus.WAITING)))
        .order_by(Clinic.turn, Clinic.id)
    ).all()
    for clinic in clinics:
        for query in _queries(clinic, limit):
            waiting = session.execute(query).all()
            if waiting:
                if in_hand and waiting[0].attempts:
                    return []
                batch = _with_first(waiting)
                _end_turn(session, clinic, batch[0].urgent, alone=len(clinics) == 1)
                return batch
    return []


def _queries(clinic: Row, limit: int) -> Iterator[Select]:
    waiting = (
        select(
            *(Image.id, Image.job_id, Image.clinic_id),
            *(Image.file_key, Image.attempts, Image.urgent),
        )
        .where(
            Image.clinic_id == clinic.id,
            status_is(ImageStatus.WAITING),
            # Few or none: the list is read once for each statement.
            Image.job_id.not_in(select(Job.id).where(Job.deleted_at.is_not(None))),
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if clinic.urgent_streak >= URGENT_IN_A_ROW:
        yield waiting.where(Image.urgent.is_(False)).order_by(Image.id)
    yield waiting.order_by(Image.urgent.desc(), Image.id)


def _with_first(waiting: Sequence[Row]) -> Sequence[Row]:
    first = waiting[0]
    if first.attempts:
        return [first]
    return [row for row in waiting if not row.attempts and row.urgent == first.urgent]


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
