"""What the shadow model has yet to classify, and what it said.

An image gets its task in the transaction that saves its result, and loses it when the shadow begins
on it: so it is tried once, whatever becomes of that, and an image that ends the shadow's process
does not end the next one. A comparison can do without a few of them.
"""

import random
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import BigInteger, Row, delete, func, literal, select

from worker.records.images import ImageStatus, ResultRole
from worker.records.work import NewResult, ShadowClaim
from worker.store.database import Database
from worker.store.numbers import PER_CLINIC, last_of
from worker.store.rows import now
from worker.store.schema import Clinic, Image, Job, Result, ShadowTask
from worker.store.work.claiming import result_values


class ShadowingVerbs:
    database: Database

    def claim_for_shadow(self, limit: int) -> list[ShadowClaim]:
        """Up to `limit` images for the shadow model; they are given out once.

        The newest of a clinic first. Which clinic comes first is left to chance, or the backlog of
        one would keep the shadow from all others.
        """
        query = (
            select(ShadowTask.image_id, Image.clinic_id, Image.file_key, Job.deleted_at)
            .join(Image, Image.id == ShadowTask.image_id)
            .join(Job, Job.id == Image.job_id)
            .order_by(ShadowTask.image_id.desc())
            .with_for_update(of=ShadowTask, skip_locked=True)
        )
        with self.database.noting() as session:
            clinics = session.scalar(select(func.max(Clinic.id))) or 1
            border = last_of(random.randint(1, clinics))  # noqa: S311 (nothing secret)
            rows: list[Row] = []
            for part in (ShadowTask.image_id <= border, ShadowTask.image_id > border):
                if len(rows) < limit:
                    rows += session.execute(query.where(part).limit(limit - len(rows))).all()
            if rows:
                ids = [row.image_id for row in rows]
                session.execute(
                    delete(ShadowTask)
                    .where(ShadowTask.image_id.in_(ids))
                    .execution_options(synchronize_session=False)
                )
        return [
            ShadowClaim(row.image_id, row.clinic_id, row.file_key)
            for row in rows
            if row.deleted_at is None
        ]

    def save_shadows(self, results: Mapping[ShadowClaim, NewResult]) -> None:
        """Save what the shadow model said; without its maps, which nobody is shown.

        Images that were deleted meanwhile are left out, and so are those that have a result of that
        model.
        """
        if not results:
            return
        images = (
            select(Image.id, Image.job_id)
            .where(
                Image.id.in_([claim.image_id for claim in results]),
                Image.status == ImageStatus.DONE,
            )
            .order_by(Image.id)  # as `save` does: avoids deadlock
            .with_for_update()
        )
        with self.database.writing() as session:
            job_ids = {row.id: row.job_id for row in session.execute(images)}
            values = [
                result_values(result, ResultRole.SHADOW, claim, job_ids[claim.image_id], now())
                for claim, result in results.items()
                if claim.image_id in job_ids
            ]
            if values:
                session.execute(self.database.insert_new(Result.__table__), values)

    def waiting_for_shadow(self) -> int:
        """How many images of all clinics wait for the shadow model."""
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(ShadowTask))

    def oldest_for_shadow(self) -> datetime | None:
        """When the oldest image that waits for the shadow model was uploaded; None: none waits."""
        # Numbers of a clinic rise, so its first task is its oldest: an index has it at once.
        width = literal(PER_CLINIC, BigInteger)
        first = (
            select(func.min(ShadowTask.image_id))
            .where(
                ShadowTask.image_id > (Clinic.id - 1) * width,
                ShadowTask.image_id <= Clinic.id * width,
            )
            .correlate(Clinic)
            .scalar_subquery()
        )
        with self.database.reading() as session:
            oldest = session.scalars(select(first).select_from(Clinic)).all()
            of_each = select(func.min(Image.created_at)).where(Image.id.in_(set(oldest) - {None}))
            return session.scalar(of_each)
