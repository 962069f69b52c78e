"""Zip archives in an upload: which members may be images, read as streams, within limits."""

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from model.classify.sources import BROKEN_ZIP

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  # a first member, or an archive without any
CHUNK_BYTES = 1024 * 1024

# The others (bzip2, LZMA) unpack a megabyte to gigabytes in one piece, and nobody archives so.
READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# A size is at most what a database can hold; archives may claim more.
_MAX_SIZE = 2**63 - 1


class BrokenArchive(Exception):
    """Raised when an archive, or one of its members, cannot be read; says why in a sentence."""


@dataclass(frozen=True)
class Member:
    """A file in an archive; its sizes, unpacked and packed, are what the archive says."""

    path: str
    size_bytes: int
    packed_bytes: int
    encrypted: bool
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def chunks(self) -> Iterator[bytes]:
        """Its content, up to 1 MiB at a time. Raises BrokenArchive."""
        if self.info.compress_type not in READABLE:
            raise BrokenArchive(
                "This file is compressed in a way that is not read here. Make the archive again, "
                "with the usual method (deflate)."
            )
        try:
            with self.archive.open(self.info) as opened:
                while chunk := opened.read(CHUNK_BYTES):
                    yield chunk
        except BROKEN_ZIP as error:
            raise BrokenArchive(
                "This file is damaged inside its zip archive (its checksum or compression is "
                "wrong). Make the archive again."
            ) from error


def is_zip(head: bytes) -> bool:
    """Whether a file that begins with `head` (4 bytes or more) is a zip archive."""
    return head.startswith(SIGNATURES)


def members(file: BinaryIO, max_directory_bytes: int) -> list[Member]:
    """The files in the archive; folders, hidden files and macOS's shadow files are left out.

    Raises BrokenArchive, also when the table of contents is larger than `max_directory_bytes`.
    """
    try:
        archive = zipfile.ZipFile(_Opened(file, max_directory_bytes))
        size_bytes = file.seek(0, os.SEEK_END)
    except BROKEN_ZIP as error:
        raise BrokenArchive(
            "This zip archive cannot be read: it is damaged or was cut off. Make it again."
        ) from error
    if sum(info.compress_size for info in archive.infolist()) > size_bytes:
        raise BrokenArchive("This zip archive lists the same data more than once. Make it again.")
    return [
        Member(
            info.filename,
            min(info.file_size, _MAX_SIZE),
            info.compress_size,
            bool(info.flag_bits & 1),
            archive,
            info,
        )
        for info in archive.infolist()
        if not _is_folder_or_hidden(info.filename)
    ]


class _Opened:
    """The archive as `zipfile` reads it, which takes the table of contents into memory whole.

    An archive states the size of its table in up to three places; looking at what is really asked
    for cannot be contradicted by any of them.
    """

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max(max_bytes, CHUNK_BYTES)

    def read(self, size: int = -1) -> bytes:
        if size > self._max_bytes:
            raise BrokenArchive("This zip archive lists too many files. Split it.")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def _is_folder_or_hidden(path: str) -> bool:
    path = path.replace("\\", "/")  # some programs for Windows write it so
    return path.endswith("/") or any(
        step == "__MACOSX" or (step[0] == "." and step != "..")
        for step in PurePosixPath(path).parts
    )
