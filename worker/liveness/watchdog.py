"""Ends a process in which nothing moves any more, so that no image holds a worker forever."""

import faulthandler
import sys
import time

# To set the alarm again ends one thread and starts another, which the caller waits for: as a share
# of the limit, how late it may be.
SLACK = 0.02


class Watchdog:
    """Armed by signs of progress; bites after `limit_s` seconds without another, or 2 % later.

    A decoder that hangs in C may hold the interpreter's lock, so no Python thread could end it:
    faulthandler's is one in C. It writes to stderr where every thread stands (code, no
    data) and exits with 1. One per process: the alarm belongs to the process.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._slack_s = SLACK * limit_s
        self._fresh_until = 0.0

    def moved(self) -> None:
        now = time.monotonic()
        if now < self._fresh_until:
            return
        # Not sys.stderr: Celery has put a logger in its place, and this writes to a descriptor.
        try:
            limit_s = self._limit_s + self._slack_s
            faulthandler.dump_traceback_later(limit_s, exit=True, file=sys.__stderr__)
        except RuntimeError as error:  # there is no room for its thread
            raise MemoryError(str(error)) from error
        self._fresh_until = now + self._slack_s

    def rest(self) -> None:
        """Nothing is under way, so nothing can hang."""
        self._fresh_until = 0.0
        faulthandler.cancel_dump_traceback_later()
