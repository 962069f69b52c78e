"""One fault, from upload to results, and what came of it."""

import io
import time
import uuid
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import data_store
import httpx
import numpy as np
import PIL.Image
from sqlalchemy import func, select

from model.reading.radiograph import decode
from tests.faults import audit
from tests.faults.machine import TOKEN, WORKERS, Machine
from tests.support.waiting import wait_for
from worker.records.images import ImageStatus
from worker.records.jobs import JobRecord
from worker.store.schema import Image

IMAGES = 200
ANSWER_S = 60
# What is not done so long after its time is stuck; before that it is late, which is told apart.
STUCK_AFTER_S = 60


@dataclass(frozen=True)
class Outcome:
    """What became of the images that were accepted, and how long it took after the fault."""

    submitted: int
    results: int
    lost: int
    twice: int
    stuck: int
    recomputed: int
    recovery_s: float


class Trial:
    """Uploads, waits for the moment, and counts at the end. `thorough` asks for long outages."""

    def __init__(self, machine: Machine, chance: Random, thorough: bool = False) -> None:
        self.machine = machine
        self.chance = chance
        self._thorough = thorough
        self._jobs: dict[int, int] = {}
        self._over_at: float | None = None

    def outage_s(self, thorough_s: float) -> float:
        """How long a service stays away: so long in a thorough trial, else a few seconds."""
        return thorough_s if self._thorough else self.chance.uniform(1.5, 4)

    def send(
        self, count: int = IMAGES, key: str | None = None, file: bytes | None = None
    ) -> httpx.Response | None:
        """One attempt to upload a job. Returns: the answer; None when the connection broke."""
        name, content = "chest.jpg", file or chest()
        try:
            return httpx.post(
                f"{self.machine.system.url}/api/v1/jobs",
                headers={"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key or new_key()},
                files=[("files", (name, content)) for _ in range(count)],
                timeout=ANSWER_S,
            )
        except httpx.TransportError:
            return None

    def upload(self, count: int = IMAGES, key: str | None = None, file: bytes | None = None) -> int:
        """Upload a job as a client does: again, with the same key, until it is accepted."""
        key = key or new_key()

        def accepted() -> httpx.Response | None:
            answer = self.send(count, key, file)
            if answer is not None and answer.status_code not in (202, 503):
                raise AssertionError(f"an upload was answered {answer.status_code}: {answer.text}")
            return answer if answer is not None and answer.status_code == 202 else None

        job_id = wait_for(accepted, timeout_s=2 * ANSWER_S, every_s=0.3).json()["id"]
        self._jobs[job_id] = count
        return job_id

    def post(self, path: str) -> None:
        """Tell the server to do something with a job."""
        answer = httpx.post(
            f"{self.machine.system.url}/api/v1{path}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=ANSWER_S,
        )
        assert answer.status_code == 200, answer.text

    def job(self, job_id: int) -> JobRecord:
        return self.machine.store.job(self.machine.clinic.id, job_id)

    def in_the_middle(self) -> int:
        """Upload jobs until workers hold images of one, at a moment by chance. Returns: its number.

        They begin while the upload runs: on a busy machine they may be done before it is answered.
        All workers are up before: one that an earlier fault ended may still be starting, and with
        the only other one gone too, the time to recover would be that of its start.
        """
        wait_for(lambda: len(self.machine.store.workers_up()) >= WORKERS, timeout_s=60)
        done = self.chance.randint(1, IMAGES // 2)
        job_id = self.upload()

        def at_work() -> bool:
            nonlocal job_id
            counts = self.job(job_id).counts
            if counts.finished == counts.total:
                job_id = self.upload()
            return counts.done >= done and counts.running > 0

        wait_for(at_work, timeout_s=60, every_s=0.005)
        return job_id

    def over(self) -> None:
        """The fault ends now: the time to recover begins."""
        self._over_at = time.monotonic()

    def complete(self) -> bool:
        jobs = [self.job(job_id).counts for job_id in self._jobs]
        return all(counts.waiting + counts.running == 0 for counts in jobs)

    def finish(self, within_s: float) -> Outcome:
        """Wait until every image has its result, which should take `within_s`, and count."""
        over_at = self._over_at or time.monotonic()
        while not self.complete() and time.monotonic() < over_at + within_s + STUCK_AFTER_S:
            time.sleep(0.02)
        recovery_s = time.monotonic() - over_at
        statuses, attempts = self._rows()
        submitted = sum(self._jobs.values())
        stuck = statuses.get(ImageStatus.WAITING, 0) + statuses.get(ImageStatus.RUNNING, 0)
        done = statuses.get(ImageStatus.DONE, 0)
        return Outcome(
            submitted=submitted,
            results=done,
            lost=submitted - done - stuck,
            twice=audit.written_twice(self.machine.store.database, list(self._jobs)),
            stuck=stuck,
            recomputed=attempts - done,
            recovery_s=recovery_s,
        )

    def _rows(self) -> tuple[dict[ImageStatus, int], int]:
        """Images by status, and all attempts at them."""
        with self.machine.store.database.reading() as session:
            rows = session.execute(
                select(Image.status, func.count(), func.sum(Image.attempts))
                .where(Image.job_id.in_(list(self._jobs)))
                .group_by(Image.status)
            ).all()
        return {status: count for status, count, _ in rows}, sum(int(row[2]) for row in rows)


def new_key() -> str:
    return uuid.uuid4().hex


@cache
def chest(max_side: int = 384, kind: str = "JPEG") -> bytes:
    """A real chest radiograph as a JPEG or PNG file."""
    pixels = decode(Path(data_store.__file__).parent / "data" / "RG1_UNCR.dcm").pixels
    picture = PIL.Image.fromarray((255 * pixels).astype(np.uint8))
    if max_side > max(picture.size):
        picture = picture.resize((max_side, max_side * picture.height // picture.width))
    picture.thumbnail((max_side, max_side))
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()
