"""What a worker does with the store: claim a batch, save its results.

A claim is a short transaction that writes a token and a lease; the results are saved only where
the row still carries that token, so a worker that was given up for dead cannot overwrite its
successor.
"""

import secrets
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import Insert, Row, Update, bindparam, insert, or_, select, update
from sqlalchemy.orm import Session

from worker.reading_order import WITHOUT_RESULT, reading_rank
from worker.records.images import ImageStatus, MapRecord, ResultRole
from worker.records.work import Claim, FinishedImage, NewResult, ShadowClaim
from worker.store.counters import move
from worker.store.database import Database
from worker.store.rows import now
from worker.store.schema import NOT_HELD, Result, ResultMap, ShadowTask
from worker.store.work.turns import IMAGES, IS_ROOT, JOBS, ROOTS, Batch, next_batch


class WorkVerbs:
    database: Database

    def claim(
        self,
        limit: int,
        lease_s: float,
        holder: str | None = None,
        in_hand: bool = False,
        model: str | None = None,
        share: int | None = None,
    ) -> list[Claim]:
        """Take up to `limit` waiting images for `lease_s` seconds, by `worker.store.work.turns`.

        holder: id of the worker, which renews them by it. in_hand: it holds others whose results
        are not saved yet. model: its model; jobs that have begun with another are left alone, and
        those that have not are pinned to it. None: of any job, and none is pinned. share: as
        `next_batch` has it.
        """
        token = secrets.token_hex(16)
        with self.database.noting() as session:
            batch = next_batch(session, limit, in_hand, model, share)
            taken = _take(session, batch, model)
            if not taken:
                return []
            session.execute(
                self._taking,
                {
                    "images": [row.id for row in taken],
                    "token": token,
                    "lease": self.database.delay(lease_s),
                    "seconds": lease_s,
                    "holder": holder,
                },
            )
        return [
            Claim(
                image_id=row.id,
                job_id=row.job_id,
                clinic_id=row.clinic_id,
                file_key=row.file_key,
                token=token,
                attempts=row.attempts + 1,
                waived=row.waived_reason is not None,
                cleaned=batch.cleaned,
            )
            for row in taken
        ]

    @cached_property
    def _taking(self) -> Update:
        return (
            update(IMAGES)
            .where(IMAGES.c.id.in_(bindparam("images", expanding=True)))
            .values(
                status=ImageStatus.RUNNING,
                lease_token=bindparam("token"),
                lease_until=self.database.time_named("lease"),
                lease_s=bindparam("seconds"),
                lease_holder=bindparam("holder"),
                attempts=IMAGES.c.attempts + 1,
            )
        )

    @cached_property
    def _adding_tasks(self) -> Insert:
        return self.database.insert_new(ShadowTask.__table__)

    def save(self, finished: Sequence[FinishedImage], with_shadow: bool = False) -> int:
        """Save results and maps in one transaction. Returns: how many were still ours.

        with_shadow: a shadow model is to classify the images, too.
        """
        if not finished:
            return 0
        finished_at = now()
        with self.database.writing() as session:
            ids = [finished_image.claim.image_id for finished_image in finished]
            rows = session.execute(_IN_WORK, {"images": ids}).all()
            held = {row.id: row.lease_token for row in rows}
            ours = [o for o in finished if held.get(o.claim.image_id) == o.claim.token]
            if not ours:
                return 0
            # Not the claim's: what was added to an open job moves there once it is accepted.
            job_ids = {row.id: row.job_id for row in rows}
            session.execute(_FINISHING, [_image_values(o, finished_at) for o in ours])
            results = [
                result_values(
                    o.result, ResultRole.ACTIVE, o.claim, job_ids[o.claim.image_id], finished_at
                )
                for o in ours
                if o.result
            ]
            if results:
                session.execute(_INSERTING_RESULTS, results)
                if with_shadow:
                    tasks = [{"image_id": values["image_id"]} for values in results]
                    session.execute(self._adding_tasks, tasks)
            maps = [values for o in ours if o.result for values in _map_values(o)]
            if maps:
                session.execute(_INSERTING_MAPS, maps)
            changes: dict[int, Counter] = defaultdict(Counter)
            for finished_image in ours:
                job_id = job_ids[finished_image.claim.image_id]
                changes[job_id][finished_image.status.value] += 1
                changes[job_id]["running"] -= 1
            labels = _new_labels(session, results)
            # In order of id, so that two workers never wait for each other's job rows.
            for job_id in sorted({*changes, *labels}):
                if job_id in labels:
                    session.execute(_LABELLING, {"job": job_id, "names": labels[job_id]})
                if job_id in changes:
                    move(session, job_id, changes[job_id])
        return len(ours)


def _take(session: Session, batch: Batch, model: str | None) -> list[Row]:
    """Count the batch's images as running, and pin its jobs. Returns: those that may be taken."""
    counts = Counter(image.job_id for image in batch.images)
    lost: set[int] = set()
    # In order of id, so that two workers never wait for each other's job rows; a job comes before
    # what is added to it.
    free = {job.root_id for job in batch.jobs.values() if job.model is None and model}
    for job_id in sorted({*counts, *free}):
        if job_id in free and not _pin(session, job_id, model):
            lost |= {job.id for job in batch.jobs.values() if job.root_id == job_id}
        if job_id in counts and job_id not in lost:
            count = counts[job_id]
            move(session, job_id, Counter(waiting=-count, running=count))
    return [image for image in batch.images if image.job_id not in lost]


def _pin(session: Session, job_id: int, model: str) -> bool:
    """Returns: whether the job is the model's; a worker of another may have been first."""
    pinned = session.execute(
        update(JOBS)
        .where(JOBS.c.id == job_id, or_(JOBS.c.model.is_(None), JOBS.c.model == model))
        .values(model=model, revision=JOBS.c.revision + 1)
    )
    return pinned.rowcount > 0


def _new_labels(session: Session, results: Sequence[dict[str, Any]]) -> dict[int, list[str]]:
    """All labels of those jobs to which these results bring new ones.

    Jobs know their labels, so that nobody has to search their results for them.
    """
    found: dict[int, list[str]] = defaultdict(list)
    for values in results:
        found[values["job_id"]] += values["probabilities"]
    if not found:
        return {}
    jobs = session.execute(_KNOWN_LABELS, {"jobs": list(found)}).all()
    known = {job.root_id: job.labels or [] for job in jobs}
    labels = dict(known)
    for job in jobs:
        labels[job.root_id] = [*dict.fromkeys([*labels[job.root_id], *found[job.id]])]
    return {root_id: labels[root_id] for root_id in labels if labels[root_id] != known[root_id]}


# Built once: for four images, building these took longer than all the rest.
_IN_WORK = (
    select(IMAGES.c.id, IMAGES.c.lease_token, IMAGES.c.job_id)
    .where(
        IMAGES.c.id.in_(bindparam("images", expanding=True)),
        IMAGES.c.status == ImageStatus.RUNNING,
    )
    .order_by(IMAGES.c.id)  # as `remove_images` does: avoids deadlock
    .with_for_update()
)
_FINISHING = update(IMAGES).where(IMAGES.c.id == bindparam("image"))
_INSERTING_RESULTS = insert(Result.__table__)
_INSERTING_MAPS = insert(ResultMap.__table__)
_KNOWN_LABELS = (
    select(JOBS.c.id, ROOTS.c.id.label("root_id"), ROOTS.c.labels)
    .join(ROOTS, IS_ROOT)
    .where(JOBS.c.id.in_(bindparam("jobs", expanding=True)))
)
_LABELLING = (
    update(JOBS)
    .where(JOBS.c.id == bindparam("job"))
    .values(labels=bindparam("names"), revision=JOBS.c.revision + 1)
)


def _image_values(finished_image: FinishedImage, finished_at: datetime) -> dict[str, Any]:
    gate, result = finished_image.gate, finished_image.result
    rank, label, uncertain = WITHOUT_RESULT, "", False
    if result is not None:
        label, uncertain = result.label, result.uncertain
        rank = reading_rank(label, result.probabilities, uncertain)
    return {
        "image": finished_image.claim.image_id,
        "status": finished_image.status,
        "reason": finished_image.reason,
        "message": finished_image.message,
        "width": finished_image.width,
        "height": finished_image.height,
        "gate_version": gate.version if gate else None,
        "gate_score": gate.score if gate else None,
        "reading_rank": rank,
        "label": label,
        "uncertain": uncertain,
        "facts": finished_image.facts,
        "patient": finished_image.patient,
        "accession": finished_image.accession,
        "deidentified": finished_image.deidentified,
        "file_key": finished_image.claim.file_key if finished_image.keeps_file else None,
        **NOT_HELD,
        "finished_at": finished_at,
    }


def result_values(
    result: NewResult,
    role: ResultRole,
    image: Claim | ShadowClaim,
    job_id: int,
    created_at: datetime,
) -> dict[str, Any]:
    """A row of `results`. job_id: where the image is now."""
    return {
        "image_id": image.image_id,
        "model": result.model,
        "role": role,
        "clinic_id": image.clinic_id,
        "job_id": job_id,
        "label": result.label,
        "probabilities": result.probabilities,
        "uncertain": result.uncertain,
        "uncertain_reasons": list(result.uncertain_reasons),
        "triage_score": result.triage.score if result.triage else None,
        "triage_threshold": result.triage.threshold if result.triage else None,
        "timings_ms": result.timings_ms,
        **{f"film_{name}": result.film.get(name) for name in ("distance", "mean", "contrast")},
        "created_at": created_at,
    }


def _map_values(finished_image: FinishedImage) -> Iterator[dict[str, Any]]:
    """A row for each shape, and within a shape one for each box."""
    alike: dict[tuple, list[MapRecord]] = {}
    for one in finished_image.result.maps:
        alike.setdefault((one.grid.shape, one.box), []).append(one)
    for position, (((height, width), box), maps) in enumerate(alike.items()):
        left, top, right, bottom = box
        yield {
            "image_id": finished_image.claim.image_id,
            "model": finished_image.result.model,
            "name": maps[0].name,
            "names": [one.name for one in maps] if len(maps) > 1 else None,
            "position": position,
            "clinic_id": finished_image.claim.clinic_id,
            "height": height,
            "width": width,
            "grid": b"".join(np.asarray(one.grid, dtype="<f2").tobytes() for one in maps),
            "left": left,
            "top": top,
            "right": right,
            "bottom": bottom,
        }
