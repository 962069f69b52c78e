"""Disk space: uploads leave some free, and a reserve allows deletion on a full disk."""

import shutil
from pathlib import Path

from worker.errors import StorageUnavailable
from worker.settings import MEGABYTE

RESERVE_BYTES = 32_000_000


def nearest_folder(folder: Path) -> Path:
    """`folder`, which need not exist yet, or the nearest one above it that does."""
    while not folder.exists():
        folder = folder.parent
    return folder


def free_bytes(folder: Path) -> int:
    """On the disk of `folder`, which need not exist yet."""
    return shutil.disk_usage(nearest_folder(folder)).free


def check_free(folder: Path, min_free_mb: int, more_bytes: int = 0) -> None:
    """Raises StorageUnavailable when less than `min_free_mb` is free on the disk of `folder`, or
    would be with `more_bytes` on it."""
    if min_free_mb and free_bytes(folder) - more_bytes < min_free_mb * MEGABYTE:
        raise StorageUnavailable(
            f"The server's disk is full: less than {min_free_mb} MB are free, and those are kept "
            "for results. Delete jobs that are no longer needed."
        )


class Reserve:
    """A file that holds space on the disk until it is needed to delete something.

    SQLite writes before it deletes: on a disk that is full to its last byte, it could not.
    """

    def __init__(self, home: Path) -> None:
        self._file = home / "reserve"

    def hold(self) -> None:
        """Take the space, unless it is held or the disk has hardly more than that."""
        if self._file.exists() or free_bytes(self._file.parent) < 4 * RESERVE_BYTES:
            return
        try:
            self._file.write_bytes(bytes(RESERVE_BYTES))
        except OSError:  # the disk filled up meanwhile
            self._file.unlink(missing_ok=True)

    def release(self) -> bool:
        """Returns: whether there was something to give back."""
        try:
            self._file.unlink()
        except OSError:
            return False
        return True
