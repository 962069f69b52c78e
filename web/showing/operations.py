"""The state of the whole system in numbers, for its operators: none of a clinic's films or names
of files."""

import platform
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path

from flask import g

from model.artifact import load_artifact
from model.errors import ModelError
from web.readiness import State
from web.services import Services
from worker.files.space import nearest_folder
from worker.records.clinics import ClinicNumbers, ReasonNumbers, RetriedNumbers, WaitingNumbers
from worker.records.images import ResultRole
from worker.records.work import WorkerNumbers
from worker.settings import MEGABYTE
from worker.store import Store
from worker.store.migrations import latest_revision

REASONS_OF_DAYS = 7
REASONS_EVERY_S = 60  # older ones leave the days that count
REASON_PATTERN = "^[a-z_]{1,40}$"


@dataclass(frozen=True)
class Disk:
    """Of the image store. kept_free_bytes: what uploads leave for results."""

    total_bytes: int
    used_bytes: int
    free_bytes: int
    kept_free_bytes: int


@dataclass(frozen=True)
class Versions:
    """model: the one that this server is configured with, which workers need not have."""

    program: str
    python: str
    tables: str
    database: str
    model: str


@dataclass(frozen=True)
class ShadowLag:
    """Images that have their result and wait for the shadow model. oldest_at: when the oldest of
    them was uploaded; None when none waits. workers: processes of shadow models."""

    waiting: int
    oldest_at: datetime | None
    workers: list[WorkerNumbers]

    @property
    def is_up(self) -> bool:
        return any(worker.is_up for worker in self.workers)


@dataclass(frozen=True)
class Operations:
    """reasons: of jobs uploaded in the last REASONS_OF_DAYS days. shadow: None on a system
    without a shadow model and without images that wait for one."""

    at: datetime
    state: State
    workers: list[WorkerNumbers]
    waiting: list[WaitingNumbers]
    shadow: ShadowLag | None
    reasons: list[ReasonNumbers]
    clinics: list[ClinicNumbers]
    disk: Disk
    versions: Versions


def operations(here: Services) -> Operations:
    now = datetime.now(UTC)
    workers = here.store.workers_overview()
    clinics = here.store.clinics_overview()
    return Operations(
        at=now,
        state=here.readiness.state(),
        workers=[one for one in workers if one.role is ResultRole.ACTIVE],
        waiting=here.store.waiting_overview(),
        shadow=_shadow(here.store, [one for one in workers if one.role is ResultRole.SHADOW]),
        reasons=_reasons(
            here.store,
            int(now.timestamp() // REASONS_EVERY_S),
            sum(clinic.failed + clinic.rejected for clinic in clinics),
        ),
        clinics=clinics,
        disk=_disk(here),
        versions=_versions(here),
    )


def retry_reason(here: Services, reason: str) -> RetriedNumbers:
    """Let images wait again that failed for this reason, of the jobs that `reasons` counts. The
    request's entry in the audit trail, also in that of each clinic, tells how many."""
    since = datetime.now(UTC) - timedelta(days=REASONS_OF_DAYS)
    found = here.store.retry_reason(reason, since, here.settings.max_waiting_images)
    here.dispatcher.wake(found.waiting.total())
    _reasons.cache_clear()
    g.audit_detail = {"reason": reason, "images": found.waiting.total()}
    g.audit_of_clinics = {
        clinic: {"reason": reason, "images": count} for clinic, count in found.waiting.items()
    }
    return found


@lru_cache(maxsize=1)
def _reasons(store: Store, turn: int, images: int) -> list[ReasonNumbers]:
    """turn: grows every REASONS_EVERY_S seconds. images: how many failed or were rejected, of all
    jobs; counted again when that changes."""
    until = datetime.fromtimestamp(turn * REASONS_EVERY_S, UTC)
    return store.reasons_overview(until - timedelta(days=REASONS_OF_DAYS))


def _shadow(store: Store, workers: list[WorkerNumbers]) -> ShadowLag | None:
    oldest_at = store.oldest_for_shadow()
    if oldest_at is None and not workers:
        return None
    return ShadowLag(store.waiting_for_shadow() if oldest_at else 0, oldest_at, workers)


def _disk(here: Services) -> Disk:
    usage = shutil.disk_usage(nearest_folder(here.settings.images_dir))
    return Disk(usage.total, usage.used, usage.free, here.settings.min_free_mb * MEGABYTE)


def _versions(here: Services) -> Versions:
    return Versions(
        program=version("cxr-batch"),
        python=platform.python_version(),
        tables=latest_revision(),
        database=here.store.database.url.get_backend_name(),
        model=_model(here.settings.artifact),
    )


@cache
def _model(artifact: Path | None) -> str:
    """Its name and version; why there is none, on a server whose workers alone have one."""
    try:
        return load_artifact(artifact).version
    except ModelError as error:
        return str(error)
