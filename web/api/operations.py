"""The state of the whole system, for operators' scripts."""

from datetime import datetime
from typing import Annotated

from apiflask import APIBlueprint
from pydantic import BaseModel, ConfigDict, Field

from web.api.records.record import TIME, Record, rounded
from web.auth.permissions import permits
from web.services import services
from web.showing.operations import REASON_PATTERN, operations, retry_reason
from worker.access import Scope
from worker.errors import TooManyWaiting
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


class ShadowState(Record):
    """Images that have their result and wait to be classified by the shadow model as well."""

    waiting: int
    oldest_at: Annotated[datetime | None, TIME]
    """When the oldest of them was uploaded."""
    workers: list[WorkerState]
    """Processes of shadow models."""


class ReasonState(Record):
    """Images that failed or were rejected for one reason, of jobs of the last 7 days."""

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
    rejected: int
    last_upload_at: Annotated[datetime | None, TIME]
    keep_files_days: int | None
    """Null: forever."""
    keep_jobs_days: int | None
    """Null: forever."""


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


class ReasonBody(BaseModel):
    """Images that failed for one reason."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reason: Annotated[str, Field(pattern=REASON_PATTERN, examples=["worker_died"])]
    """As in `reasons` of the state of the system."""


class Retried(Record):
    changed: int
    """How many images wait again."""
    left: int
    """How many stay failed, since as many images of their clinic wait as may
    (`CXR_MAX_WAITING_IMAGES`)."""


class OperationsState(Record):
    """Numbers of all clinics, without X-rays and names of files."""

    at: Annotated[datetime, TIME]
    state: SystemState
    workers: list[WorkerState]
    waiting: list[WaitingState]
    shadow: ShadowState | None
    """Null when there is no shadow model, and nothing waits for one."""
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


@blueprint.post("/operations/retry")
@permits(Scope.OPERATE)
@blueprint.input(ReasonBody, location="json", arg_name="body")
@blueprint.output(Retried)
def retry(body: ReasonBody):
    """Retry what failed for one reason

    Of all clinics, in jobs uploaded in the last 7 days. Jobs that their clinic has cancelled, and
    images whose files are not kept any more, stay as they are. Each clinic sees it in its audit
    trail. 429 when nothing could be retried, since as many images of the clinics wait as may.
    """
    found = retry_reason(services(), body.reason)
    changed, left = found.waiting.total(), found.left.total()
    if left and not changed:
        raise TooManyWaiting(
            f"None of {left:,} images was retried: as many images of their clinics wait as may. "
            "Retry when fewer wait, or raise CXR_MAX_WAITING_IMAGES."
        )
    return Retried(changed=changed, left=left).json_response
