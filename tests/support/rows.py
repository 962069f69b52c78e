"""Short ways to make rows for the tests of the store."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from model.scores import GateScore, Triage
from worker.records.images import ImageStatus, MapRecord
from worker.records.jobs import Acceptance, Arriving, JobRecord, NewImage
from worker.records.work import Claim, FinishedImage, NewResult, WorkerRecord
from worker.store import Store


def create_job(
    store: Store,
    clinic_id: int,
    name: str,
    images: Iterable[NewImage],
    urgent: bool = False,
    upload: str | None = None,
    idempotency_key: str | None = None,
) -> JobRecord:
    """A job that arrived in one step. upload: the folder of its files."""
    arriving = Arriving(clinic_id, upload or secrets.token_hex(16), urgent)
    acceptance = Acceptance(name=name, urgent=urgent, idempotency_key=idempotency_key)
    return store.accept(arriving, 0, list(images), acceptance)


def new_images(count: int) -> list[NewImage]:
    return [NewImage(f"{number}.png", f"00/{number}", 1000 + number) for number in range(count)]


def finished_image(claim: Claim, label: str = "NORMAL") -> FinishedImage:
    """A result of done, with a 2 x 3 attention map."""
    probabilities = {"COVID19": 0.1, "NORMAL": 0.1, "PNEUMONIA": 0.1} | {label: 0.8}
    grid = np.linspace(0, 1, 6, dtype=np.float16).reshape(2, 3)
    return FinishedImage(
        claim=claim,
        status=ImageStatus.DONE,
        width=640,
        height=480,
        gate=GateScore("gate-1", 0.75),
        result=NewResult(
            model="test-1",
            label=label,
            probabilities=probabilities,
            uncertain=False,
            triage=Triage(0.9, 0.25),
            maps=[MapRecord("attention", grid, (0.1, 0.2, 0.9, 0.8))],
            timings_ms={"infer": 12.5},
        ),
    )


def worker_record(name: str) -> WorkerRecord:
    return WorkerRecord(name, "a-host", 7, "cpu", "test-1", datetime.now(UTC))
