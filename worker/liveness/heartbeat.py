"""Signs of life on one host: a file per process, locked while it lives and touched while it moves.

`cxr health` reads them. It needs no database, so that a container is not taken for dead because
the database is; and the kernel lets go of the lock of a process that was killed.
"""

import contextlib
import fcntl
import os
import socket
import time
from pathlib import Path
from typing import IO


class Heartbeat:
    """The file of one process."""

    def __init__(self, home: Path, part: str) -> None:
        folder = _folder(home)
        folder.mkdir(parents=True, exist_ok=True)
        for left in _files(home, part):
            _remove_if_dead(left)
        self._path = folder / f"{_prefix(part)}{os.getpid()}"
        self._file = _open_locked(self._path)
        self.beat()

    def beat(self) -> None:
        os.utime(self._file.fileno())

    def stop(self) -> None:
        self._path.unlink(missing_ok=True)
        self._file.close()


def is_alive(home: Path, part: str, stale_after_s: float) -> bool:
    """Whether a process of that part lives on this host, and moved in the last seconds."""
    now = time.time()
    for path in _files(home, part):
        try:
            # In either direction: the clock may have been set back since.
            fresh = abs(now - path.stat().st_mtime) <= stale_after_s
            if fresh and _is_locked(path):
                return True
        except FileNotFoundError:  # it stopped between the two calls
            continue
    return False


def _files(home: Path, part: str) -> list[Path]:
    return list(_folder(home).glob(f"{_prefix(part)}*"))


def _folder(home: Path) -> Path:
    return home / "alive"


def _prefix(part: str) -> str:
    return f"{socket.gethostname()}.{part}."


def _open_locked(path: Path) -> IO[bytes]:
    while True:
        file = path.open("ab")
        # Some network file systems have no locks: there the time of the file must do.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except FileNotFoundError:
            pass
        file.close()  # another process took it for that of a dead one and removed it


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _remove_if_dead(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        path.unlink()
