"""A worker process's pulse: whatever moves in it renews its leases and shows that it lives.

There is no timer behind it. The threads that do the work beat, and the consumer's loop while there
is none: a process in which nothing moves is silent, so others get what it holds.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from worker.liveness.heartbeat import Heartbeat
from worker.liveness.speed import Speed
from worker.liveness.watchdog import Watchdog
from worker.queue.dispatch import IMAGES_PER_MESSAGE
from worker.records.work import Claim, WorkerRecord
from worker.store import Store

log = logging.getLogger(__name__)

BEAT_EVERY_S = 5.0
BEATS_PER_LEASE = 4


class Pulse:
    """Safe to share between the threads of a process.

    lease_s: how long what it holds stays its own without a beat. step_limit_s: how long one step
    may take before the watchdog ends the process.
    """

    def __init__(
        self,
        store: Store,
        worker: WorkerRecord,
        lease_s: float,
        step_limit_s: float,
        watchdog: Watchdog | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self.worker = worker
        self.lease_s = lease_s
        self.every_s = min(BEAT_EVERY_S, lease_s / BEATS_PER_LEASE)
        self._store = store
        self._step_limit_s = step_limit_s
        self._watchdog = watchdog
        self._heartbeat = heartbeat
        self._speed = Speed()
        self._beating = threading.Lock()
        self._slow_steps = 0
        self._next_at = 0.0
        self._sure_until = 0.0  # the first of our leases ends then, or later

    def claim(self, limit: int, in_hand: bool = False) -> Sequence[Claim]:
        """Up to `limit` images for this worker; see `worker.store.work.claiming`."""
        ends_at = time.monotonic() + self.lease_s
        claims = self._store.claim(
            limit,
            self.lease_s,
            self.worker.id,
            in_hand,
            self.worker.model,
            share=IMAGES_PER_MESSAGE,
        )
        if claims:
            self._sure_until = min(self._sure_until, ends_at)
        return claims

    def finished(self, images: int) -> None:
        """So many results were saved."""
        self._speed.note(images)

    def moved(self) -> None:
        """A step of the work was done, or the next one begins."""
        if self._watchdog:
            self._watchdog.moved()
        self.beat()

    def rest(self) -> None:
        """Nothing is under way, so nothing can hang."""
        if self._watchdog:
            self._watchdog.rest()

    @contextmanager
    def slow_step(self) -> Iterator[None]:
        """Around a step that may take longer than a lease: until its end the leases last as long as
        the watchdog lets it live. A decoder holds the interpreter's lock, so nothing could renew
        them meanwhile."""
        with self._beating:
            self._slow_steps += 1
        try:
            if self._sure_until < time.monotonic() + self._step_limit_s:
                self._next_at = 0.0
                self.beat()
            yield
        finally:
            with self._beating:
                self._slow_steps -= 1

    def beat(self) -> None:
        """Give a sign of life, if it is time for one. Never raises: without the database nobody can
        take what we hold, and the next beat tries again."""
        if time.monotonic() < self._next_at or not self._beating.acquire(blocking=False):
            return
        try:
            self._next_at = time.monotonic() + self.every_s
            if self._heartbeat:
                self._heartbeat.beat()
            lease_s = self.lease_s + (self._step_limit_s if self._slow_steps else 0)
            ends_at = time.monotonic() + lease_s
            speed = (self._speed.processed, self._speed.images_per_second)
            if not self._store.beat(self.worker.id, lease_s, *speed):
                self._store.register_worker(self.worker)
            self._sure_until = ends_at
        except DBAPIError as error:
            log.warning("no sign of life reaches the database (%s)", type(error.orig).__name__)
        finally:
            self._beating.release()

    def stop(self) -> None:
        """The process ends in order, and holds nothing."""
        if self._heartbeat:
            self._heartbeat.stop()
        try:
            self._store.forget_worker(self.worker.id)
        except DBAPIError as error:
            log.warning("the database is unreachable (%s)", type(error.orig).__name__)
