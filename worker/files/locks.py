"""Locks for changing stored files: writers take turns with the command that encrypts them.

Replacing and deleting files needs no order among themselves. But a file that is encrypted again is
read first and replaced later: what was cleaned or deleted in between must not come back.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def changing(folder: Path, alone: bool = False) -> Iterator[None]:
    """For as long as a file in that folder is put in place of another one, or deleted.

    alone: wait until nobody else does, and let nobody else. Raises OSError, FileNotFoundError when
    the folder is gone.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        except OSError:
            # A file system without locks on folders: nobody can ever be alone in it.
            if alone:
                raise
        yield
    finally:
        os.close(descriptor)


def remove(file: Path) -> None:
    """Delete a file, in turn. A missing one is not an error."""
    with contextlib.suppress(FileNotFoundError), changing(file.parent):
        file.unlink()
