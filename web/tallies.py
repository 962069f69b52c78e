"""How many results of a job have each label, for lists of jobs: counted once per revision of a job.

Most jobs on a page are complete, and do not change; those that run are counted with every poll.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from worker.records import JobRecord, ResultCounts
from worker.store import Store

MAX_KEPT = 2000  # jobs, some hundred bytes each


class Tallies:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[int, tuple[tuple, ResultCounts]] = OrderedDict()
        self._lock = threading.Lock()

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


def _version(job: JobRecord) -> tuple:
    # With the time: ids begin anew in another data folder.
    return job.created_at, job.revision
