"""The image store: uploaded files on disk, durable before an upload is answered.

Each upload has a folder of its own. Its files belong to nobody until the job's rows, which name
them, are committed: so a key never names half a file, and a folder that no job names is rubbish.
Names are random: what the user called the files stays in SQL.
"""

import contextlib
import io
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from worker.errors import StorageUnavailable
from worker.intake.space import check_free

BUFFER_BYTES = 1024 * 1024
FOLDER_NAME_BYTES = 16


class IncomingFile(io.BufferedRandom):
    """A file being uploaded: write it, then `keep` or `discard` it. Closing alone discards it.

    Up to BUFFER_BYTES stay in memory until it is kept, so that whoever keeps it does the writing.
    It is refused when less than `min_free_mb` megabytes are, or would be, free on the disk.
    """

    def __init__(self, file: Path, min_free_mb: int = 0) -> None:
        self._file = file
        self._kept = False
        self._min_free_mb = min_free_mb
        self._unchecked_bytes = 0
        check_free(file.parent, min_free_mb)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            super().__init__(io.FileIO(file, "x+b"), BUFFER_BYTES)
        except OSError as error:
            raise _unavailable(error) from error

    def write(self, data) -> int:
        self._unchecked_bytes += len(data)
        if self._unchecked_bytes > BUFFER_BYTES:
            self._unchecked_bytes = 0
            check_free(self._file.parent, self._min_free_mb)
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
        """Flush the content to the disk. Returns: the file's key. Its name is durable after
        `UploadFolder.sync`."""
        self.flush()
        try:
            os.fsync(self.fileno())
            self.raw.close()
        except OSError as error:
            raise _unavailable(error) from error
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

    def __init__(self, root: Path, min_free_mb: int) -> None:
        self._min_free_mb = min_free_mb
        self.name = secrets.token_hex(FOLDER_NAME_BYTES)
        self._path = root / self.name

    def new_file(self) -> IncomingFile:
        """A new file to write. Raises StorageUnavailable when the disk is full or read-only."""
        return IncomingFile(self._path / secrets.token_hex(8), self._min_free_mb)

    def sync(self) -> None:
        """Make the names of the kept files durable. Raises StorageUnavailable."""
        if not self._path.exists():
            return
        try:
            _sync_folder(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise _unavailable(error) from error

    def delete(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


class ImageFiles:
    """The folder of uploaded images. `min_free_mb`: what uploads leave free on its disk."""

    def __init__(self, root: Path, min_free_mb: int = 0) -> None:
        self.root = root
        self._min_free_mb = min_free_mb

    def new_folder(self) -> UploadFolder:
        """A place for the files of one upload; it is made with the first of them."""
        return UploadFolder(self.root, self._min_free_mb)

    @property
    def has_room(self) -> bool:
        """Whether uploads are taken."""
        try:
            check_free(self.root, self._min_free_mb)
        except StorageUnavailable:
            return False
        return True

    def path(self, key: str) -> Path:
        return self.root / key

    def small_picture(self, key: str) -> Path:
        """Where the small picture of that file lies, if it has one."""
        return self.root / f"{key}.jpg"

    @property
    def picture_cache(self) -> Path:
        """The folder of large pictures, in a folder for each upload; they can be drawn again."""
        return self.root.with_name("pictures")

    def delete_originals(self, keys: Iterable[str]) -> None:
        """Delete files and their large pictures; small pictures stay."""
        for key in keys:
            self.path(key).unlink(missing_ok=True)
            shutil.rmtree(self.picture_cache / self.path(key).parent.name, ignore_errors=True)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete files with their pictures, and the folders that they leave empty. Missing files
        are not an error."""
        folders = set()
        for key in keys:
            self.path(key).unlink(missing_ok=True)
            self.small_picture(key).unlink(missing_ok=True)
            folders.add(self.path(key).parent)
        for folder in folders:
            shutil.rmtree(self.picture_cache / folder.name, ignore_errors=True)
            with contextlib.suppress(OSError):  # not empty, or gone
                folder.rmdir()

    def folders(self, older_than_s: float) -> Iterator[str]:
        """Names of upload folders to which nothing was added for so many seconds."""
        newest = time.time() - older_than_s
        with contextlib.suppress(FileNotFoundError), os.scandir(self.root) as entries:
            for entry in entries:
                if len(entry.name) != 2 * FOLDER_NAME_BYTES:
                    continue  # not made here, like `lost+found` on a volume of its own
                with contextlib.suppress(FileNotFoundError):  # deleted in between
                    if entry.stat().st_mtime < newest:
                        yield entry.name

    def delete_folder(self, name: str) -> None:
        shutil.rmtree(self.root / name, ignore_errors=True)
        shutil.rmtree(self.picture_cache / name, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(error: OSError) -> StorageUnavailable:
    return StorageUnavailable(f"The image store cannot take the file: {os.strerror(error.errno)}.")
