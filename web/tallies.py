"""How many results of a job have each label, how probable they are, and how many a reader has read:
counted once per revision of a job.

Most jobs on a page are complete, and do not change; those that run are counted with every poll.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from worker.records.images import ImageFilter, ImageStatus, ResultCounts, Tally
from worker.records.jobs import JobRecord, Pace
from worker.store import MAX_COUNT, Store

EVERYTHING = ImageFilter()

MAX_KEPT = 2000  # jobs, and histograms: some hundred bytes each


class Tallies:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[int, tuple[tuple, ResultCounts]] = OrderedDict()
        self._read: OrderedDict[tuple, int] = OrderedDict()
        self._lock = threading.Lock()
        self._histogram = lru_cache(MAX_KEPT)(self._count_histogram)
        self._pace = lru_cache(MAX_KEPT)(self._count_pace)

    def of(self, jobs: Sequence[JobRecord]) -> dict[int, ResultCounts]:
        """By id of the job."""
        with self._lock:
            found = {
                job.id: self._kept[job.id][1]
                for job in jobs
                if job.id in self._kept and self._kept[job.id][0] == _version(job)
            }
        missing = [job for job in jobs if job.id not in found]
        if missing:
            # The revision is older than the counts, or as old: a newer one is counted again.
            counted = self._store.result_counts([job.id for job in missing])
            with self._lock:
                for job in missing:
                    self._kept[job.id] = (_version(job), counted[job.id])
                    self._kept.move_to_end(job.id)
                while len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
            found |= counted
        return found

    def read_by(self, reader: str, jobs: Sequence[JobRecord]) -> dict[int, int]:
        """By id of the job: how many of its images the reader has reviewed."""
        wanted = {job.id: (reader, job.id, *_version(job)) for job in jobs if job.counts.done}
        with self._lock:
            found = {job: self._read[key] for job, key in wanted.items() if key in self._read}
        missing = wanted.keys() - found.keys()
        if missing:
            # A review changes the revision, which is as old as the counts, or older.
            counted = self._store.read_counts(reader, missing)
            with self._lock:
                for job in missing:
                    found[job] = self._read[wanted[job]] = counted.get(job, 0)
                while len(self._read) > MAX_KEPT:
                    self._read.popitem(last=False)
        return found

    def tally(self, clinic_id: int, job: JobRecord | None, wanted: ImageFilter) -> Tally:
        """As `Store.tally`; of a whole job, from its counters. Raises UnknownLabel."""
        if job is None or wanted != EVERYTHING:
            return self._store.tally(clinic_id, job and job.id, wanted)
        statuses = {status: getattr(job.counts, status) for status in ImageStatus}
        results = self.of([job])[job.id]
        return Tally(
            total=min(job.counts.total, MAX_COUNT),
            statuses={status: count for status, count in statuses.items() if count},
            labels=results.labels,
            uncertain=results.uncertain,
            total_capped=job.counts.total > MAX_COUNT,
        )

    def histogram(self, job: JobRecord, wanted: ImageFilter) -> dict[str, list[int]]:
        """As `Store.histogram`; not to be changed by the caller. Raises NotFound, UnknownLabel."""
        return self._histogram(job.clinic_id, job.id, wanted, *_version(job))

    def pace(self, job: JobRecord) -> Pace | None:
        """As `Store.pace`. Raises NotFound."""
        return self._pace(job.clinic_id, job.id, *_version(job))

    def _count_pace(
        self, clinic_id: int, job_id: int, created_at: datetime, revision: int
    ) -> Pace | None:
        return self._store.pace(clinic_id, job_id)

    def _count_histogram(
        self,
        clinic_id: int,
        job_id: int,
        wanted: ImageFilter,
        created_at: datetime,
        revision: int,
    ) -> dict[str, list[int]]:
        # The last two tell versions of the job apart; what is counted is as new, or newer.
        return self._store.histogram(clinic_id, job_id, wanted)


def _version(job: JobRecord) -> tuple:
    # With the time: another data folder has the same ids.
    return job.created_at, job.revision
