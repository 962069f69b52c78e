"""The image store: uploaded files on disk, durable before an upload is answered.

A file is written under `incoming/`, flushed to the disk and renamed to its final place, so that a
key never names half a file. Names are random: what the user called the file stays in SQL.
"""

import contextlib
import io
import os
import secrets
from pathlib import Path

from worker.errors import StorageUnavailable


class IncomingFile(io.FileIO):
    """A file being uploaded: write it, then `keep` or `discard` it. Closing alone discards it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._key: str | None = None
        name = secrets.token_hex(16)
        self._incoming = root / "incoming" / name
        try:
            self._incoming.parent.mkdir(parents=True, exist_ok=True)
            super().__init__(self._incoming, "x+b")
        except OSError as error:
            raise _unavailable(error) from error

    def write(self, data) -> int:
        view = memoryview(data).cast("B")
        written = 0
        try:
            while written < len(view):
                written += super().write(view[written:])
        except OSError as error:
            raise _unavailable(error) from error
        return written

    def keep(self) -> str:
        """Make the file durable (fsync, rename, fsync of the folder). Returns: its key."""
        name = self._incoming.name
        key = f"{name[:2]}/{name}"
        target = self._root / key
        try:
            os.fsync(self.fileno())
            super().close()
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                _sync_folder(self._root)
            self._incoming.rename(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise _unavailable(error) from error
        self._key = key
        return key

    def discard(self) -> None:
        super().close()
        self._incoming.unlink(missing_ok=True)

    def close(self) -> None:
        if not self.closed and self._key is None:
            self.discard()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # creation itself failed
            self.close()


class ImageFiles:
    """The folder of uploaded images."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def incoming(self) -> IncomingFile:
        """A new file to write. Raises StorageUnavailable when the disk is full or read-only."""
        return IncomingFile(self.root)

    def path(self, key: str) -> Path:
        return self.root / key

    def delete(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(error: OSError) -> StorageUnavailable:
    return StorageUnavailable(f"The image store cannot take the file: {os.strerror(error.errno)}.")
