"""Jobs: lists, changes, reports."""

from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from web.api.inputs.fields import MAX_PER_PAGE, Body, Cursor, Query, Text
from web.api.inputs.uploads import IDEMPOTENCY_KEY
from worker.records.jobs import JobStatus


class JobsQuery(Query):
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_PER_PAGE)] = 50
    idempotency_key: Annotated[str | None, IDEMPOTENCY_KEY] = None
    """Only the job of the upload with this key."""
    search: Annotated[str | None, Field(max_length=200)] = None
    """Part of the job's name."""
    status: JobStatus | None = None


class JobChange(Body):
    """What can be changed of a job."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]


@cache
def _zones() -> set[str]:
    return available_timezones()


def _known_zone(name: str) -> str:
    """Raises ValueError, which says what such a name looks like."""
    if name not in _zones():
        raise ValueError(f"Received: {name[:80]}. Allowed: a name such as Europe/Madrid, or UTC.")
    return name


class ReportQuery(Query):
    time_zone: Annotated[str, Field(max_length=80), AfterValidator(_known_zone)] = "UTC"
    """Of all times in the report, by its name in the IANA database, such as `Europe/Madrid`."""
