"""Disk quota of a clinic, so that none fills the disk for the others."""

import threading
import time
from collections.abc import Callable

from worker.errors import QuotaReached
from worker.settings import MEGABYTE

# Adding up a million rows takes a second; in between, what comes in here is added.
MEASURE_EVERY_S = 30.0


class Quota:
    """Shared by threads. Each web server counts what it takes itself, and what others took when it
    measures: two of them may let in somewhat more together.

    stored_bytes: what a clinic has on the disk, by its number. max_mb: 0 is all there is.
    """

    def __init__(self, stored_bytes: Callable[[int], int], max_mb: int) -> None:
        self._stored_bytes = stored_bytes
        self._max_mb = max_mb
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, int]] = {}  # measured when, bytes

    def check(self, clinic_id: int, more_bytes: int = 0) -> None:
        """Raises QuotaReached when so much more does not fit, or nothing at all does."""
        if self._max_mb:
            with self._lock:
                self._fit(clinic_id, more_bytes)

    def take(self, clinic_id: int, size_bytes: int) -> None:
        """Count a file that comes in. Raises QuotaReached when it does not fit any more."""
        if self._max_mb:
            with self._lock:
                measured_at, stored = self._fit(clinic_id, size_bytes)
                self._known[clinic_id] = (measured_at, stored + size_bytes)

    def _fit(self, clinic_id: int, more_bytes: int) -> tuple[float, int]:
        """What is known of the clinic. Raises QuotaReached."""
        measured_at, stored = self._known.get(clinic_id, (0.0, 0))
        if not measured_at or time.monotonic() - measured_at > MEASURE_EVERY_S:
            measured_at, stored = time.monotonic(), self._stored_bytes(clinic_id)
            self._known[clinic_id] = (measured_at, stored)
        if stored + max(1, more_bytes) > self._max_mb * MEGABYTE:
            self._known.pop(clinic_id, None)  # measured again: something may be deleted
            raise QuotaReached(
                f"The X-rays of your clinic take {stored / MEGABYTE:,.0f} MB, and at most "
                f"{self._max_mb:,} MB may be stored. Delete jobs that are no longer needed, or "
                "let X-rays be kept for a shorter time."
            )
        return measured_at, stored
