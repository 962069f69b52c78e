"""The files behind the paths of a command line: files, folders, zip archives."""

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from model.errors import ModelError, Rejection

MAX_FILE_MB = 256
MAX_MEMBERS = 100_000
_ZIP = b"PK\x03\x04"
_ENCRYPTED = 0x1
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)


class SourceFailed(ModelError):
    """Raised when a path given by the user cannot be read at all.

    code: "not_found" or "not_readable".
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Source:
    """One file to classify: its name as the user will know it, and its content or its fault."""

    name: str
    content: bytes | Path | Rejection | SourceFailed


def walk(paths: Iterable[str | Path]) -> Iterator[Source]:
    """Each file once, in order: folders sorted and without hidden files, zips member by member.

    Nothing raises: a path or a member that cannot be used comes as a Source with its fault.
    """
    for path in map(Path, paths):
        if path.is_dir():
            for folder, subfolders, names in os.walk(path):
                subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
                for name in sorted(names):
                    if not name.startswith("."):
                        yield from _file(Path(folder) / name)
        else:
            yield from _file(path)


def count(paths: Iterable[str | Path]) -> int:
    """How many sources `walk` will give, without reading the images (a broken zip counts as 1)."""
    total = 0
    for source in _files(paths):
        total += 1
        if _starts_as_zip(source):
            try:
                with zipfile.ZipFile(source) as archive:
                    total += len(_members(archive)[:MAX_MEMBERS]) - 1
            except _BROKEN_ZIP:
                continue
    return total
