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

BUFFER_BYTES = 1024 * 1024


class IncomingFile(io.BufferedRandom):
    """A file being uploaded: write it, then `keep` or `discard` it. Closing alone discards it.

    Up to BUFFER_BYTES stay in memory until it is kept, so that whoever keeps it does the writing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._key: str | None = None
        name = secrets.token_hex(16)
        self._incoming = root / "incoming" / name
        try:
            self._incoming.parent.mkdir(parents=True, exist_ok=True)
            super().__init__(io.FileIO(self._incoming, "x+b"), BUFFER_BYTES)
        except OSError as error:
            raise _unavailable(error) from error

    def write(self, data) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise _unavailable(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _unavailable(error) from error

    def keep(self) -> str:
        """Make the file durable (fsync, rename, fsync of the folder). Returns: its key."""
        name = self._incoming.name
        key = f"{name[:2]}/{name}"
        target = self._root / key
        self.flush()
        try:
            os.fsync(self.fileno())
            self.raw.close()
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
        self.raw.close()  # without writing what is still in memory
        self._incoming.unlink(missing_ok=True)

    def close(self) -> None:
        if not self.closed and self._key is None:
            self.discard()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, ValueError):  # creation itself failed
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
