"""The audit trail of this web server: repeated events are written once a minute.

The first event of its kind in a minute is written at once, so that a crash hides nobody; those that
follow within the minute become one entry at its end.
"""

import logging
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sqlalchemy.exc import DBAPIError

from worker.audit import AuditEvent
from worker.store import Store

log = logging.getLogger(__name__)

MINUTE_S = 60.0
MAX_IMAGES = 2000  # named in one entry
RETRY_S = 1.0  # while the database cannot be reached


@dataclass
class _Minute:
    """What followed an event that was written at `until` - MINUTE_S."""

    event: AuditEvent
    until: float
    image_ids: set[int] = field(default_factory=set)
    times: int = 0

    @property
    def rest(self) -> AuditEvent | None:
        """An entry for what followed; None when it says nothing new."""
        more = tuple(sorted(self.image_ids.difference(self.event.image_ids)))
        counts = not self.event.job_id
        if not more and not (counts and self.times):
            return None
        detail = dict(self.event.detail) | ({"times": self.times} if counts else {})
        return replace(self.event, image_ids=more, detail=detail)


class Trail:
    """Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed = threading.Condition()
        self._minutes: dict[Hashable, _Minute] = {}
        self._writer: threading.Thread | None = None
        self._closed = False
        self.job_of_image = lru_cache(10_000)(store.job_of_image)

    def write(self, event: AuditEvent) -> None:
        """Write an entry now. Raises SQLAlchemy's DBAPIError."""
        self._store.audit([event])

    def write_once_a_minute(self, event: AuditEvent) -> None:
        """Write it, unless the same is true of one in the last minute. Raises DBAPIError."""
        key = (event.action, event.clinic_id, event.who_kind, event.who_id, event.job_id)
        key += (event.detail.get("loaded"),)
        if event.who_id is None:
            key += (event.address, event.detail.get("person"))
        with self._changed:
            minute = self._minutes.get(key)
            if minute is not None:
                minute.times += 1
                minute.image_ids.update(event.image_ids)
                if len(minute.image_ids) > MAX_IMAGES:
                    minute.until = 0.0
                    self._changed.notify()
                return
            self._minutes[key] = _Minute(event, time.monotonic() + MINUTE_S)
            self._start_writer()
        try:
            self.write(event)
        except DBAPIError:
            with self._changed:
                self._minutes.pop(key, None)
            raise

    def close(self) -> None:
        """Write what has not been written."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        try:
            self._write_rests(everything=True)
        except DBAPIError as error:
            log.error("Entries of the audit trail are lost (%s)", type(error.orig).__name__)

    def _start_writer(self) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._run, name="audit", daemon=True)
            self._writer.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                if not self._minutes:
                    self._writer = None
                    return
                next_at = min(minute.until for minute in self._minutes.values())
                self._changed.wait(max(0.0, next_at - time.monotonic()))
            try:
                self._write_rests()
            except DBAPIError as error:
                log.error("The audit trail waits for the database (%s)", type(error.orig).__name__)
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, timeout=RETRY_S)

    def _write_rests(self, everything: bool = False) -> None:
        with self._changed:
            now = time.monotonic()
            ended = {
                key: minute
                for key, minute in self._minutes.items()
                if everything or minute.until <= now
            }
            rests = [rest for minute in ended.values() if (rest := minute.rest) is not None]
            for key in ended:
                del self._minutes[key]
        if not rests:
            return
        try:
            self._store.audit(rests)
        except DBAPIError:
            with self._changed:
                for key, minute in ended.items():
                    self._minutes.setdefault(key, minute)
            raise
