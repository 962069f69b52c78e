"""Which files an upload holds, and the upload as a stream: one file is open at a time."""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from model.folders import files_in
from web.client.errors import FileChanged, UnreadableFile

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class UploadFile:
    """A file on this machine, and its name on the server (a relative path for one in a folder)."""

    path: Path
    name: str
    size_bytes: int


def collect(paths: Sequence[Path]) -> list[UploadFile]:
    """Files and zip archives as they are, folders with all that is in them, sorted.

    Hidden files and folders inside a folder are left out, links are followed.
    Raises UnreadableFile.
    """
    found = []
    for path in paths:
        if path.is_dir():
            root = path.resolve()
            found += [
                _file(file, f"{root.name}/{file.relative_to(root)}")
                for file in files_in(root, _cannot_list)
            ]
        else:
            found.append(_file(path, path.name))
    return found


def _cannot_list(error: OSError) -> None:
    raise UnreadableFile(f"{error.filename} cannot be read ({error.strerror}).") from error


def _file(path: Path, name: str) -> UploadFile:
    if path.exists() and not path.is_file():
        raise UnreadableFile(f"{path} is a pipe or a device. Save it as a file, and submit that.")
    try:
        # Found out now, not after an hour of uploading.
        with path.open("rb") as opened:
            return UploadFile(path, name, os.fstat(opened.fileno()).st_size)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror}).") from error


def content_sha256(files: Sequence[UploadFile]) -> str:
    """What the server says of an upload of these files: SHA-256 of the lines of `sha256sum`.

    Raises FileChanged.
    """
    lines = hashlib.sha256()
    for file in files:
        try:
            with file.path.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise _changed(file) from error
        lines.update(f"{digest}  {file.name}\n".encode(errors="replace"))
    return lines.hexdigest()


class Multipart:
    """A multipart/form-data body (RFC 7578) of form fields and the files as `files`, lazily read.

    Its length is known beforehand, so the server can refuse it before it is sent. `on_sent` is
    told how many bytes of the files have left so far, from 0 on each time it is read.
    """

    def __init__(
        self,
        fields: Mapping[str, str],
        files: Sequence[UploadFile],
        on_sent: Callable[[int], None] | None = None,
    ) -> None:
        self._boundary = secrets.token_hex(16)
        self._fields = b"".join(
            self._head(f'name="{name}"') + value.encode(errors="replace") + b"\r\n"
            for name, value in fields.items()
        )
        self._end = f"--{self._boundary}--\r\n".encode()
        self._files = files
        self._on_sent = on_sent or (lambda _: None)

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def content_length(self) -> int:
        parts = (len(self._file_head(file)) + file.size_bytes + 2 for file in self._files)
        return len(self._fields) + sum(parts) + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        self._on_sent(sent)
        yield self._fields
        for file in self._files:
            yield self._file_head(file)
            for chunk in self._content(file):
                yield chunk
                sent += len(chunk)
                self._on_sent(sent)
            yield b"\r\n"
        yield self._end

    def _content(self, file: UploadFile) -> Iterator[bytes]:
        left = file.size_bytes
        try:
            opened = file.path.open("rb")
        except OSError as error:
            raise _changed(file) from error
        with opened:
            while chunk := _read(opened, file):
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
        if left:
            raise _changed(file)

    def _head(self, disposition: str, more: str = "") -> bytes:
        return (
            f"--{self._boundary}\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n"
        ).encode(errors="replace")  # a file name that is not valid text on this machine

    def _file_head(self, file: UploadFile) -> bytes:
        # As browsers do it (HTML standard, multipart form data).
        name = file.name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
        return self._head(
            f'name="files"; filename="{name}"', "Content-Type: application/octet-stream\r\n"
        )


def _read(opened: BinaryIO, file: UploadFile) -> bytes:
    try:
        return opened.read(CHUNK_BYTES)
    except OSError as error:  # a disk or a network drive that fails in the middle
        raise UnreadableFile(f"{file.path} cannot be read ({error.strerror}).") from error


def _changed(file: UploadFile) -> FileChanged:
    return FileChanged(
        f"{file.path} changed while it was uploaded, and nothing was submitted. "
        "Wait until it is complete, and submit again."
    )
