"""Files on their way into the image store: flushed to disk before an upload is answered.

Each upload has a folder of its own. Its files belong to nobody until the job's rows, which name
them, are committed: so a key never names half a file, and a folder that no job names is rubbish.
Names are random: what the user called the files stays in SQL.
"""

import contextlib
import io
import os
import secrets
import shutil
from pathlib import Path

from worker.files.sealing import FileKeys, SealedFile
from worker.files.space import check_free
from worker.files.writing import name_of, sync_folder, unavailable

BUFFER_BYTES = 1024 * 1024
FOLDER_NAME_BYTES = 16
NO_KEYS = FileKeys()


class IncomingFile(io.BufferedRandom):
    """A file being uploaded: write it, then `keep` or `discard` it. Closing alone discards it.

    Up to BUFFER_BYTES stay in memory until it is kept, so that whoever keeps it does the writing.
    It is refused when less than `min_free_mb` megabytes are, or would be, free on the disk.
    """

    def __init__(self, file: Path, min_free_mb: int = 0, keys: FileKeys = NO_KEYS) -> None:
        self._file = file
        self._kept = False
        self._min_free_mb = min_free_mb
        self._unchecked_bytes = 0
        check_free(file.parent, min_free_mb)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            raw, key = io.FileIO(file, "x+b"), keys.new(name_of(file))
            super().__init__(SealedFile(raw, key, new=True) if key else raw, BUFFER_BYTES)
        except OSError as error:
            raise unavailable(error) from error

    def write(self, data) -> int:
        self._unchecked_bytes += len(data)
        if self._unchecked_bytes > BUFFER_BYTES:
            self._unchecked_bytes = 0
            check_free(self._file.parent, self._min_free_mb)
        try:
            return super().write(data)
        except OSError as error:
            raise unavailable(error) from error

    def flush(self) -> None:
        """Write all of it; an encrypted file takes nothing more then."""
        try:
            super().flush()
            if isinstance(self.raw, SealedFile):
                self.raw.finish()
        except OSError as error:
            raise unavailable(error) from error

    def keep(self) -> str:
        """Flush the content to the disk. Returns: the file's key. Its name is durable after
        `UploadFolder.sync`."""
        self.flush()
        try:
            os.fsync(self.fileno())
            self.raw.close()
        except OSError as error:
            raise unavailable(error) from error
        self._kept = True
        return f"{self._file.parent.name}/{self._file.name}"

    def discard(self) -> None:
        self.raw.close()  # without writing what is still in memory
        self._file.unlink(missing_ok=True)

    def close(self) -> None:
        if not self.closed and not self._kept:
            self.discard()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, ValueError):  # creation itself failed
            self.close()


class UploadFolder:
    """The files of one upload. `name` is what the job remembers of it."""

    def __init__(self, root: Path, min_free_mb: int, keys: FileKeys) -> None:
        self._min_free_mb = min_free_mb
        self._keys = keys
        self.name = secrets.token_hex(FOLDER_NAME_BYTES)
        self._path = root / self.name

    def new_file(self) -> IncomingFile:
        """A new file to write. Raises StorageUnavailable when the disk is full or read-only."""
        return IncomingFile(self._path / secrets.token_hex(8), self._min_free_mb, self._keys)

    def sync(self) -> None:
        """Make the names of the kept files durable. Raises StorageUnavailable."""
        if not self._path.exists():
            return
        try:
            sync_folder(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise unavailable(error) from error

    def delete(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
