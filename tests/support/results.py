"""Plays the worker for the tests of the web: results go into the store by its own verbs."""

import numpy as np

from model.scores import GateScore, Triage
from worker.records.images import ImageStatus, MapRecord
from worker.records.work import Claim, FinishedImage, NewResult, ShadowClaim
from worker.store import Store

MODEL = "vgg_attention-1.0.0"
PROBABILITIES = (
    {"COVID19": 0.041, "NORMAL": 0.912, "PNEUMONIA": 0.047},
    {"COVID19": 0.063, "NORMAL": 0.118, "PNEUMONIA": 0.819},
    {"COVID19": 0.774, "NORMAL": 0.092, "PNEUMONIA": 0.134},
    {"COVID19": 0.018, "NORMAL": 0.967, "PNEUMONIA": 0.015},
)
NOT_A_CHEST = "This does not look like a frontal chest X-ray. Upload the frontal view of the chest."


def done(claim: Claim) -> FinishedImage:
    """A classified image; which label depends on the image's id."""
    probabilities = PROBABILITIES[claim.image_id % len(PROBABILITIES)]
    row, column = np.mgrid[0:9, 0:9] / 8
    spot = 0.3 + 0.06 * (claim.image_id % 7)
    grid = np.exp(-(((row - 0.6) / 0.25) ** 2 + ((column - spot) / 0.2) ** 2))
    return FinishedImage(
        claim,
        ImageStatus.DONE,
        width=1760,
        height=1760,
        gate=GateScore("frontal-1", 0.93),
        result=NewResult(
            model=MODEL,
            label=max(probabilities, key=probabilities.get),
            probabilities=probabilities,
            uncertain=(doubtful := max(probabilities.values()) < 0.8),
            uncertain_reasons=("close_call", "unlike_training") if doubtful else (),
            triage=Triage(1 - probabilities["NORMAL"], 0.35),
            maps=[MapRecord("attention", grid.astype(np.float16), (0.05, 0.0, 0.95, 1.0))],
            timings_ms={"decode": 21.4, "gate": 0.9, "infer": 16.2},
        ),
    )


def rejected(claim: Claim) -> FinishedImage:
    return FinishedImage(
        claim, ImageStatus.REJECTED, reason="not_a_chest_xray", message=NOT_A_CHEST
    )


def failed(claim: Claim) -> FinishedImage:
    message = "The program stopped 3 times while working on this file, so it was given up."
    return FinishedImage(claim, ImageStatus.FAILED, reason="worker_died", message=message)


def work(store: Store, limit: int, result=done) -> int:
    """Claim up to `limit` waiting images and give each `result`. Returns: how many."""
    claims = store.claim(limit, lease_s=60)
    return store.save([result(claim) for claim in claims])


def shadow(store: Store, clinic_id: int, said: dict[int, dict[str, float]], model: str) -> None:
    """What a shadow model says, by image."""
    results = {
        ShadowClaim(image_id, clinic_id, file_key=None): NewResult(
            model=model,
            label=max(probabilities, key=probabilities.get),
            probabilities=probabilities,
            uncertain=False,
        )
        for image_id, probabilities in said.items()
    }
    store.save_shadows(results)
