"""The files behind the paths of a command line: files, folders, zip archives."""

import contextlib
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from model.errors import ImageTooLarge, ModelError, Rejection, UnreadableImage

MAX_FILE_MB = 256
MAX_MEMBERS = 100_000
_ZIP = b"PK\x03\x04"
_ENCRYPTED = 0x1
# What reading a broken or unusual archive raises, depending on where the damage is.
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    OverflowError,
    ValueError,
    struct.error,
)


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
    for file in _files(paths):
        try:
            if _is_zip(file):
                yield from _members_of(file)
            elif file.stat().st_size > MAX_FILE_MB * 2**20:
                yield Source(str(file), _too_large())
            else:
                yield Source(str(file), file)
        except FileNotFoundError:
            yield Source(str(file), SourceFailed("not_found", "There is no such file or folder."))
        except OSError:
            yield Source(
                str(file),
                SourceFailed("not_readable", "The file may not be read. Check its rights."),
            )


def count(paths: Iterable[str | Path]) -> int:
    """How many sources `walk` will give, without reading a picture."""
    total = 0
    for file in _files(paths):
        total += 1
        # A file with a fault counts as one: `walk` gives one source for it.
        with contextlib.suppress(*BROKEN_ZIP):
            if _is_zip(file):
                with zipfile.ZipFile(file) as archive:
                    total += len(_pictures(archive)) - 1
    return total


def _files(paths: Iterable[str | Path]) -> Iterator[Path]:
    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        for folder, subfolders, names in os.walk(path):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            found = (Path(folder) / name for name in sorted(names) if not name.startswith("."))
            # A pipe or a socket would be waited for without end.
            yield from (file for file in found if file.is_file() or not file.exists())


def _is_zip(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_ZIP)) == _ZIP


def _members_of(file: Path) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(file) as archive:
            for member in _pictures(archive):
                yield Source(f"{file}/{member.filename}", _content(archive, member))
    except BROKEN_ZIP:
        yield Source(
            str(file), UnreadableImage("The zip archive is damaged. Pack it and send it again.")
        )


def _pictures(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Members that are files; what operating systems hide in archives is left out."""
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir()
        and not any(part.startswith((".", "__MACOSX")) for part in member.filename.split("/"))
    ]
    return members[:MAX_MEMBERS]


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | Rejection:
    if member.flag_bits & _ENCRYPTED:
        return UnreadableImage("The archive is locked with a password. Pack it without one.")
    limit = MAX_FILE_MB * 2**20
    if member.file_size > limit:
        return _too_large()
    try:
        with archive.open(member) as opened:
            content = opened.read(limit + 1)  # the size in the archive's index may be a lie
    except BROKEN_ZIP:
        return UnreadableImage("The file is damaged inside the zip archive. Pack it again.")
    return content if len(content) <= limit else _too_large()


def _too_large() -> ImageTooLarge:
    return ImageTooLarge(
        f"The file is larger than {MAX_FILE_MB} MB. Send the X-ray alone, at a smaller size."
    )
