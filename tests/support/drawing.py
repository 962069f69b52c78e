"""Drawing processes that outlive an application: a new one takes a second of processor time.

A drawing process keeps nothing of a picture, which is drawn in a fork. tests/worker/pictures has
processes of its own.
"""

import subprocess
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

from worker.pictures.painter import _DrawingProcess

# By the limit that they were started with.
_spare: dict[float, list[subprocess.Popen]] = defaultdict(list)
# The kernel ends a drawing process together with the thread that started it: this one stays.
_starter = ThreadPoolExecutor(1)


class LentProcess(_DrawingProcess):
    """Gives its process back when it is stopped, unless in the midst of a picture."""

    _is_drawing = False

    def _ask(self, line: bytes) -> bytes:
        self._is_drawing = True
        try:
            return super()._ask(line)
        finally:
            self._is_drawing = False

    def _started(self) -> subprocess.Popen:
        spare = _spare[self._limit_s]
        while spare:
            process = spare.pop()
            if process.poll() is None:  # other tests kill such processes
                return process
        return _starter.submit(super()._started).result()

    def stop(self) -> None:
        if self._process is not None and not self._is_drawing:
            _spare[self._limit_s].append(self._process)
            self._process = None
        super().stop()


def end() -> None:
    """End the processes that are left."""
    for process in (one for left in _spare.values() for one in left):
        process.kill()
        process.communicate()
    _spare.clear()
