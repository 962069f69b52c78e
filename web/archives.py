"""Zip archives in an upload: which members are images to be, read as streams, within bounds."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  # a first member, or an archive without any
CHUNK_BYTES = 1024 * 1024

# What reading a broken or unusual archive raises, depending on where the damage is.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
    struct.error,
)

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT = 65_535


class BrokenArchive(Exception):
    """Raised when an archive, or one of its members, cannot be read; says why in a sentence."""


@dataclass(frozen=True)
class Member:
    """A file in an archive; `size_bytes` is what the archive says, unpacked."""

    path: str
    size_bytes: int
    encrypted: bool
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def chunks(self) -> Iterator[bytes]:
        """Its content, up to 1 MiB at a time. Raises BrokenArchive."""
        try:
            with self.archive.open(self.info) as opened:
                while chunk := opened.read(CHUNK_BYTES):
                    yield chunk
        except BROKEN as error:
            raise BrokenArchive(
                "This file is damaged inside its zip archive (its checksum or compression is "
                "wrong). Make the archive again."
            ) from error


def is_zip(head: bytes) -> bool:
    """Whether a file that begins with `head` (4 bytes or more) is a zip archive."""
    return head.startswith(SIGNATURES)


def members(file: BinaryIO, most_directory_bytes: int) -> Iterator[Member]:
    """The files in the archive; folders, hidden files and macOS's shadow files are left out.

    The table of contents is read into memory, so its size is checked first.
    Raises BrokenArchive.
    """
    try:
        directory_bytes = _directory_bytes(file)
        if directory_bytes > most_directory_bytes:
            raise BrokenArchive("This zip archive lists too many files. Split it.")
        archive = zipfile.ZipFile(file)
    except BROKEN as error:
        raise BrokenArchive(
            "This zip archive cannot be read: it is damaged or was cut off. Make it again."
        ) from error
    for info in archive.infolist():
        if not info.is_dir() and not _is_hidden(info.filename):
            yield Member(info.filename, info.file_size, bool(info.flag_bits & 1), archive, info)


def _is_hidden(path: str) -> bool:
    folders = PurePosixPath(path.replace("\\", "/")).parts
    return any(part == "__MACOSX" or (part[0] == "." and part != "..") for part in folders)


def _directory_bytes(file: BinaryIO) -> int:
    """Size of the archive's central directory (APPNOTE.TXT, sections 4.3.14 to 4.3.16)."""
    size = file.seek(0, 2)
    start = file.seek(max(0, size - _END.size - _LONGEST_COMMENT))
    tail = file.read(size - start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise zipfile.BadZipFile("no end of central directory")
    directory_bytes = _END.unpack_from(tail, at)[5]
    if directory_bytes == 0xFFFFFFFF:
        file.seek(start + at - _LOCATOR.size)
        file.seek(_LOCATOR.unpack(file.read(_LOCATOR.size))[2])
        directory_bytes = _END_64.unpack(file.read(_END_64.size))[8]
    file.seek(0)
    return directory_bytes
