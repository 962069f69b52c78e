"""Everything of a job."""

from web.api.records.jobs import Job
from web.api.records.record import Record
from web.api.records.reviews import ReviewedImage


class Export(Record):
    """A job with all its images."""

    job: Job
    disclaimer: str
    results: list[ReviewedImage]
