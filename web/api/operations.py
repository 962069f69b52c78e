"""The state of the whole system, for operators' scripts."""

from datetime import datetime
from typing import Annotated

from apiflask import APIBlueprint
from pydantic import Field

from web.api.records.record import TIME, Record, rounded
from web.auth.permissions import permits
from web.services import services
from web.showing.operations import operations
from worker.access import Scope
from worker.records.images import ImageStatus

blueprint = APIBlueprint("operations_api", __name__, tag="Operations")


class SystemState(Record):
    missing: list[str]
    """What has to come back before everything works; empty when it does."""
    database: str
    tables: str
    queue: str
    storage: str


class WorkerState(Record):
    """A worker process."""

    host: str
    pid: int
    device: str
    model: str
    started_at: Annotated[datetime, TIME]
    seen_at: Annotated[datetime, TIME]
    """Its last sign of life."""
    is_up: bool
    processed: int
    """Images since it started."""
    images_per_second: Annotated[float | None, rounded(2)]
    """In the last minute."""


class WaitingState(Record):
    """Images of a clinic that wait, of one priority."""

    clinic: str
    urgent: bool
    images: int
    oldest_at: Annotated[datetime, TIME]
    """When the oldest of them was uploaded."""


class ReasonState(Record):
    """Images that failed or were rejected for one reason, of jobs of the last 7 days. Counted once
    a minute."""

    status: ImageStatus
    reason: Annotated[str, Field(examples=["worker_died"])]
    images: int
    clinics: int


class ClinicState(Record):
    name: str
    jobs: int
    images: int
    waiting: int
    running: int
    failed: int
    last_upload_at: Annotated[datetime | None, TIME]
    keep_files_days: int | None
    """Null: for ever."""
    keep_jobs_days: int | None
    """Null: for ever."""


class DiskState(Record):
    """The disk that holds the images."""

    total_bytes: int
    used_bytes: int
    free_bytes: int
    kept_free_bytes: int
    """What uploads leave for results."""


class VersionsState(Record):
    program: str
    python: str
    tables: str
    database: str
    model: str
    """The one that the web server is configured with."""


class OperationsState(Record):
    """Numbers of all clinics, without X-rays and names of files."""

    at: Annotated[datetime, TIME]
    state: SystemState
    workers: list[WorkerState]
    waiting: list[WaitingState]
    reasons: list[ReasonState]
    clinics: list[ClinicState]
    disk: DiskState
    versions: VersionsState


@blueprint.get("/operations")
@permits(Scope.OPERATE)
@blueprint.output(OperationsState)
def get_operations():
    """Get the state of the system

    Workers, what waits, why images failed, the disk, and versions. For operators.
    """
    return OperationsState.of(operations(services())).json_response
