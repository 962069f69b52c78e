"""Write files in one step, and report disk failures."""

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from worker.errors import StorageUnavailable
from worker.files.locks import changing
from worker.files.sealing import FileKey, sealed


def name_of(file: Path) -> str:
    """What a stored file is bound to when it is encrypted: its name and that of its folder."""
    return f"{file.parent.name}/{file.name}"


def replace_file(
    file: Path,
    content: bytes,
    key: FileKey | None = None,
    durable: bool = False,
    alone: bool = False,
) -> None:
    """As `ImageFiles.write`, for a process that has this one key and no other."""
    written = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        with written.open("xb") as opened:
            opened.write(sealed(content, key) if key else content)
            if durable:
                opened.flush()
                os.fsync(opened.fileno())
        with contextlib.nullcontext() if alone else changing(file.parent):
            written.replace(file)
    finally:
        written.unlink(missing_ok=True)


def write_durably(file: Path, content: bytes) -> None:
    with file.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def remove_folder(folder: Path) -> None:
    """A missing one is not an error."""
    with contextlib.suppress(OSError), changing(folder):
        shutil.rmtree(folder, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make the names in it durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unavailable(error: OSError) -> StorageUnavailable:
    return StorageUnavailable(f"The image store cannot take the file: {os.strerror(error.errno)}.")
