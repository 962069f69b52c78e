"""The files behind the paths of a command line: files, folders, zip archives."""

import contextlib
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from model.errors import ImageTooLarge, ModelError, Rejection, UnreadableImage
from model.folders import files_in

MAX_FILE_MB = 256
MAX_FILE_BYTES = MAX_FILE_MB * 2**20
MAX_MEMBERS = 100_000
STANDARD_INPUT = "-"
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

    A pipe that is named outright is read, and `-` is standard input. Nothing raises: a path or a
    member that cannot be used comes as a Source with its fault.
    """
    for file in _files(paths):
        try:
            yield from _sources_of(file)
        except FileNotFoundError:
            yield Source(str(file), SourceFailed("not_found", "There is no such file or folder."))
        except OSError:
            yield Source(
                str(file),
                SourceFailed("not_readable", "The file may not be read. Check its rights."),
            )


def count(paths: Iterable[str | Path]) -> int:
    """How many sources `walk` will give, without reading a picture; a pipe counts as one."""
    total = 0
    for file in _files(paths):
        total += 1
        # A file with a fault counts as one: `walk` gives one source for it.
        with contextlib.suppress(*BROKEN_ZIP):
            if file.is_file() and _is_zip(file):
                with zipfile.ZipFile(file) as archive:
                    pictures = len(_pictures(archive))
                    total += min(pictures, MAX_MEMBERS) + (pictures > MAX_MEMBERS) - 1
    return total


def _files(paths: Iterable[str | Path]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from _files_in(path)
        else:
            yield path


def _files_in(top: Path) -> Iterator[Path]:
    """A folder that cannot be listed comes as itself."""
    closed: list[OSError] = []
    for file in files_in(top, closed.append):
        yield from _taken(closed)
        yield file
    yield from _taken(closed)


def _taken(closed: list[OSError]) -> Iterator[Path]:
    while closed:
        yield Path(closed.pop(0).filename)


def _sources_of(file: Path) -> Iterator[Source]:
    """Raises OSError for a file that cannot be read."""
    name = str(file)
    if name == STANDARD_INPUT:
        file = Path("/dev/stdin")
    if file.exists() and not file.is_file():
        # What was read from a pipe is gone from it.
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
        if content.startswith(_ZIP) and len(content) <= MAX_FILE_BYTES:
            yield from _members_of(name, io.BytesIO(content))
        else:
            yield Source(name, content if len(content) <= MAX_FILE_BYTES else _too_large())
    elif _is_zip(file):
        yield from _members_of(name, file)
    else:
        yield Source(name, _too_large() if file.stat().st_size > MAX_FILE_BYTES else file)


def _is_zip(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_ZIP)) == _ZIP


def _members_of(name: str, content: Path | BinaryIO) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(content) as archive:
            pictures = _pictures(archive)
            for member in pictures[:MAX_MEMBERS]:
                yield Source(f"{name}/{member.filename}", _content(archive, member))
            if len(pictures) > MAX_MEMBERS:
                yield Source(name, _too_many(len(pictures)))
    except BROKEN_ZIP:
        yield Source(
            name, UnreadableImage("The zip archive is damaged. Pack it and send it again.")
        )


def _pictures(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Members that are files; what operating systems hide in archives is left out."""
    return [member for member in archive.infolist() if not _is_folder_or_hidden(member.filename)]


def _is_folder_or_hidden(path: str) -> bool:
    path = path.replace("\\", "/")  # some programs for Windows write it so
    return path.endswith("/") or any(
        step == "__MACOSX" or (step.startswith(".") and step != "..")
        for step in PurePosixPath(path).parts  # without the "." that some programs begin with
    )


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | Rejection:
    if member.flag_bits & _ENCRYPTED:
        return UnreadableImage("The archive is locked with a password. Pack it without one.")
    if member.file_size > MAX_FILE_BYTES:
        return _too_large()
    try:
        with archive.open(member) as opened:
            content = opened.read(
                MAX_FILE_BYTES + 1
            )  # the size in the archive's index may be a lie
    except BROKEN_ZIP:
        return UnreadableImage("The file is damaged inside the zip archive. Pack it again.")
    return content if len(content) <= MAX_FILE_BYTES else _too_large()


def _too_large() -> ImageTooLarge:
    return ImageTooLarge(
        f"The file is larger than {MAX_FILE_MB} MB. Send the X-ray alone, at a smaller size."
    )


def _too_many(members: int) -> ImageTooLarge:
    return ImageTooLarge(
        f"The zip archive holds {members} files: only the first {MAX_MEMBERS} were read. Split it."
    )
