"""Signs of life: a file per process, touched while it works, for `cxr health`."""

import os
import socket
import time
from pathlib import Path

STALE_AFTER_S = 90


class Heartbeat:
    """The file that one process touches."""

    def __init__(self, home: Path, part: str) -> None:
        self._file = _folder(home) / f"{socket.gethostname()}.{part}.{os.getpid()}"
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self.beat()

    def beat(self) -> None:
        self._file.touch()

    def stop(self) -> None:
        self._file.unlink(missing_ok=True)


def is_alive(home: Path, part: str, stale_after_s: float = STALE_AFTER_S) -> bool:
    """Whether a process of that part on this host gave a sign of life lately."""
    now = time.time()
    for file in _folder(home).glob(f"{socket.gethostname()}.{part}.*"):
        try:
            # In either direction: the clock may have been set back since.
            if abs(now - file.stat().st_mtime) <= stale_after_s:
                return True
        except FileNotFoundError:  # it stopped between the two calls
            continue
    return False


def _folder(home: Path) -> Path:
    return home / "alive"
