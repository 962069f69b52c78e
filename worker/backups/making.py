"""`cxr backup`: a snapshot of the database first, then the files that it names."""

import hashlib
import io
import os
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from worker.backups import DATABASE, IMAGES, KEY_NAMES, SECRETS, SUMS, BackupError
from worker.files.image_files import ImageFiles
from worker.files.writing import sync_folder
from worker.settings import Settings

COPY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Made:
    """What a backup holds. gone: files that were deleted while it was made."""

    files: int
    size_bytes: int
    gone: int


def make_backup(settings: Settings, target: Path) -> Made:
    """Write a backup of the data folder to `target`, whole or not at all.

    Raises BackupError when the database is not a SQLite file, or `target` exists or cannot
    be written.
    """
    database = database_file(settings)
    check_target(target)
    part, copy = (target.with_name(f".{target.name}.{ending}") for ending in ("part", "db"))
    try:
        _snapshot(database, copy)
        with _private(part) as opened, tarfile.open(fileobj=opened, mode="w|") as archive:
            made = _Backup(archive).fill(settings, copy)
        os.replace(part, target)
        sync_folder(target.parent)
        return made
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"The backup cannot be written to {target}: {error}.") from error
    finally:
        for file in (part, copy):
            file.unlink(missing_ok=True)


def check_target(target: Path) -> None:
    """Raises BackupError when there is something already, or no folder for it."""
    if target.exists():
        raise BackupError(f"{target} exists already. Choose another name.")
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}. Create it, or choose another one.")


def database_file(settings: Settings) -> Path:
    """Raises BackupError for another database than SQLite, and for none."""
    address = settings.database_url
    if not address.startswith("sqlite:///"):
        raise BackupError(
            "Only the embedded database is backed up here. For PostgreSQL use pg_dump, and copy "
            "the folder `images` after it: see docs/security.md."
        )
    file = Path(address.removeprefix("sqlite:///"))
    if not file.exists():
        raise BackupError(f"There is no database at {file}.")
    return file


class _Backup:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._sums: list[str] = []
        self._size = 0

    def fill(self, settings: Settings, copy: Path) -> Made:
        files, gone = 0, []
        images = ImageFiles(settings.images_dir)
        for key, is_file in _keys(copy):
            try:
                if is_file:
                    self._add(images.path(key), f"{IMAGES}/{key}")
                    files += 1
            except FileNotFoundError:
                gone.append(key)
            with suppress(FileNotFoundError):
                self._add(images.small_picture(key), f"{IMAGES}/{key}.jpg")
        _forget(copy, gone, database_file(settings))
        self._add(copy, DATABASE)
        key_names = [f"{KEY_NAMES}/{file.name}" for file in images.key_names.glob("*")]
        for name in (*SECRETS, *key_names):
            with suppress(FileNotFoundError):
                self._add(settings.home / name, name)
        content = "".join(self._sums).encode()
        self._archive.addfile(_member(SUMS, len(content)), io.BytesIO(content))
        return Made(files, self._size, len(gone))

    def _add(self, file: Path, name: str) -> None:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            hashing = _Hashing(opened)
            self._archive.addfile(_member(name, size), hashing)
        self._sums.append(f"{hashing.hexdigest()}  {name}\n")
        self._size += size


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _snapshot(database: Path, copy: Path) -> None:
    """SQLite's online backup: one moment of the database, while others go on writing."""
    with _private(copy):
        pass
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        # A file of its own: no -wal beside it.
        target.execute("PRAGMA journal_mode = DELETE")


def _keys(copy: Path) -> Iterator[tuple[str, bool]]:
    """Keys of files, and (False) of small pictures that outlived theirs."""
    with closing(sqlite3.connect(copy)) as database:
        query = (
            "SELECT coalesce(file_key, picture_key), file_key IS NOT NULL FROM images "
            "WHERE coalesce(file_key, picture_key) IS NOT NULL ORDER BY id"
        )
        for key, is_file in database.execute(query):
            yield key, bool(is_file)


def _forget(copy: Path, keys: list[str], original: Path) -> None:
    """Files that went since the copy was made, which still names them.

    Where their job was deleted, it is deleted in the copy, too. Else only the file is not kept any
    more, or only the image was deleted: what is known of it stays, without its file. One that still
    waits keeps the name of its file, so that a worker says that it is missing.
    """
    with (
        closing(sqlite3.connect(original)) as now,
        closing(sqlite3.connect(copy)) as database,
        database,
    ):
        for key in keys:
            query = "SELECT job_id FROM images WHERE file_key = ?"
            (job_id,) = database.execute(query, (key,)).fetchone()
            stays = "SELECT 1 FROM jobs WHERE id = ? AND deleted_at IS NULL"
            if now.execute(stays, (job_id,)).fetchone():
                database.execute(
                    "UPDATE images SET file_key = NULL, picture_key = file_key WHERE file_key = ? "
                    "AND status NOT IN ('waiting', 'running')",
                    (key,),
                )
            else:
                database.execute(
                    "UPDATE jobs SET deleted_at = CURRENT_TIMESTAMP, idempotency_key = NULL "
                    "WHERE id = ?",
                    (job_id,),
                )


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


@contextmanager
def _private(file: Path) -> Iterator[BinaryIO]:
    """A new file that only this user can read; on the disk when it is closed."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb", COPY_BYTES) as opened:
        yield opened
        opened.flush()
        os.fsync(opened.fileno())
