"""`cxr restore`: restore a backup into an empty data folder, once it is known to be intact."""

import hashlib
import os
import re
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

from worker.backups import DATABASE, IMAGES, KEY_NAMES, SECRETS, SUMS, BackupError

COPY_BYTES = 1024 * 1024
MAX_SUMS_BYTES = 2_000_000_000
# What this program writes; anything else could lead out of the folder.
KNOWN = re.compile(
    rf"({DATABASE}|{'|'.join(SECRETS)}|{IMAGES}/[0-9a-f]{{32}}/[0-9a-f]{{16}}(\.jpg)?"
    rf"|{KEY_NAMES}/[0-9a-f]{{16}})"
)


def restore_backup(source: Path, home: Path) -> int:
    """Fill the empty folder `home`. Returns: how many files.

    Nothing of it stays when the backup is damaged. Raises BackupError.
    """
    if home.exists() and any(home.iterdir()):
        raise BackupError(f"{home} is not empty. Restore into a new folder with --home.")
    part = home.with_name(f".{home.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True, mode=0o700)
        files = _unpack(source, part)
        _check_database(part / DATABASE)
        if home.exists():
            home.rmdir()
        os.replace(part, home)
        return files
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"The backup {source} cannot be restored: {error}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unpack(source: Path, folder: Path) -> int:
    found: dict[str, str] = {}
    said: dict[str, str] | None = None
    with tarfile.open(source, "r|") as archive:
        for member in archive:
            if member.isreg() and member.name == SUMS and member.size < MAX_SUMS_BYTES:
                said = _sums(archive.extractfile(member).read().decode(errors="replace"))
            elif member.isreg() and KNOWN.fullmatch(member.name) and member.name not in found:
                file = folder / member.name
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                found[member.name] = _copy(archive.extractfile(member), file)
            else:
                raise BackupError(f"{source} holds what no backup holds. Is it another file?")
    if said is None:
        raise BackupError(f"{source} has no end: it was cut off. Take another backup.")
    if found != said or DATABASE not in found:
        wrong = len(set(found.items()) ^ set(said.items()))
        raise BackupError(f"{source} is damaged: {wrong} checksums differ. Take another backup.")
    return len(found)


def _sums(text: str) -> dict[str, str]:
    return {
        name: digest for digest, _, name in (line.partition("  ") for line in text.splitlines())
    }


def _copy(source, target: Path) -> str:
    """Returns: the SHA-256 of what was copied."""
    hash_ = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        while block := source.read(COPY_BYTES):
            hash_.update(block)
            opened.write(block)
        opened.flush()
        os.fsync(opened.fileno())
    return hash_.hexdigest()


def _check_database(file: Path) -> None:
    try:
        with closing(sqlite3.connect(file)) as database:
            (found,) = database.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"The database in the backup cannot be read: {error}.") from error
    if found != "ok":
        raise BackupError(f"The database in the backup is damaged: {found}.")
