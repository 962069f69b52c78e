"""Ends a process in which nothing moves any more, so that no image holds a worker forever."""

import faulthandler
import sys


class Watchdog:
    """Armed by each sign of progress; bites after `limit_s` seconds without another.

    A decoder that hangs in C may hold the interpreter's lock, so no Python thread could end it:
    faulthandler's is one in C. It writes to stderr where every thread stands (code, no
    data) and exits with 1. One per process: the alarm belongs to the process.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s

    def moved(self) -> None:
        # Not sys.stderr: Celery has put a logger in its place, and this writes to a descriptor.
        try:
            faulthandler.dump_traceback_later(self._limit_s, exit=True, file=sys.__stderr__)
        except RuntimeError as error:  # there is no room for its thread
            raise MemoryError(str(error)) from error

    def rest(self) -> None:
        """Nothing is under way, so nothing can hang."""
        faulthandler.cancel_dump_traceback_later()
