"""What a worker does with the store: claim a batch, save its results.

A claim is a short transaction that writes a token and a lease; the results are saved only where
the row still carries that token, so a worker that was given up for dead cannot overwrite its
successor.
"""

import secrets
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from sqlalchemy import insert, select, update

from worker.records import Claim, FinishedImage, ImageStatus
from worker.store.counters import move
from worker.store.database import Database
from worker.store.rows import now
from worker.store.schema import AttentionMap, Image, status_is
from worker.store.turns import next_batch


class WorkVerbs:
    database: Database

    def claim(self, limit: int, lease_s: float, in_hand: bool = False) -> list[Claim]:
        """Take up to `limit` waiting images for `lease_s` seconds, by `worker.store.turns`.

        in_hand: the worker holds others whose results are not saved yet.
        """
        token = secrets.token_hex(16)
        with self.database.writing() as session:
            batch = next_batch(session, limit, in_hand)
            if not batch:
                return []
            session.execute(
                update(Image)
                .where(Image.id.in_([row.id for row in batch]))
                .values(
                    status=ImageStatus.RUNNING,
                    lease_token=token,
                    lease_until=self.database.time_in(lease_s),
                    attempts=Image.attempts + 1,
                )
                .execution_options(synchronize_session=False)
            )
            # In order of id, so that two workers never wait for each other's job rows.
            for job_id, count in sorted(Counter(row.job_id for row in batch).items()):
                move(session, job_id, Counter(waiting=-count, running=count))
        return [
            Claim(
                image_id=row.id,
                job_id=row.job_id,
                clinic_id=row.clinic_id,
                file_key=row.file_key,
                token=token,
                attempts=row.attempts + 1,
            )
            for row in batch
        ]

    def save(self, finished: Sequence[FinishedImage]) -> int:
        """Save results and maps in one transaction. Returns: how many were still ours."""
        if not finished:
            return 0
        finished_at = now()
        with self.database.writing() as session:
            held = dict(
                session.execute(
                    select(Image.id, Image.lease_token)
                    .where(
                        Image.id.in_(
                            [finished_image.claim.image_id for finished_image in finished]
                        ),
                        status_is(ImageStatus.RUNNING),
                    )
                    .order_by(Image.id)  # as `delete_job` does: nobody waits in a circle
                    .with_for_update()
                ).all()
            )
            ours = [o for o in finished if held.get(o.claim.image_id) == o.claim.token]
            if not ours:
                return 0
            session.execute(update(Image), [_result_values(o, finished_at) for o in ours])
            maps = [_attention_values(o) for o in ours if o.attention is not None]
            if maps:
                session.execute(insert(AttentionMap), maps)
            changes: dict[int, Counter] = defaultdict(Counter)
            for finished_image in ours:
                changes[finished_image.claim.job_id][finished_image.status.value] += 1
                changes[finished_image.claim.job_id]["running"] -= 1
            for job_id in sorted(changes):
                move(session, job_id, changes[job_id])
        return len(ours)


def _result_values(finished_image: FinishedImage, finished_at) -> dict:
    probabilities = finished_image.probabilities or {}
    return {
        "id": finished_image.claim.image_id,
        "status": finished_image.status,
        "reason": finished_image.reason,
        "message": finished_image.message,
        "label": finished_image.label,
        "covid19": probabilities.get("COVID19"),
        "normal": probabilities.get("NORMAL"),
        "pneumonia": probabilities.get("PNEUMONIA"),
        "uncertain": finished_image.uncertain,
        "model": finished_image.model,
        "width": finished_image.width,
        "height": finished_image.height,
        "timings_ms": finished_image.timings_ms,
        "lease_token": None,
        "lease_until": None,
        "finished_at": finished_at,
    }


def _attention_values(finished_image: FinishedImage) -> dict:
    grid = np.ascontiguousarray(finished_image.attention.grid, dtype="<f2")
    left, top, right, bottom = finished_image.attention.box
    return {
        "image_id": finished_image.claim.image_id,
        "clinic_id": finished_image.claim.clinic_id,
        "height": grid.shape[0],
        "width": grid.shape[1],
        "grid": grid.tobytes(),
        "left": left,
        "top": top,
        "right": right,
        "bottom": bottom,
    }
