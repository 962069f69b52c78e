"""An upload on its way into the image store: every file durable, one row for each.

Memory stays small however large the upload: a file goes to the disk in chunks as it arrives, and an
archive is unpacked member by member.
"""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from typing import Self

from worker.errors import UploadTooLarge
from worker.intake.archives import BrokenArchive, Member, is_zip, members
from worker.intake.files import ImageFiles, IncomingFile
from worker.records import NewImage
from worker.settings import Settings

MEGABYTE = 1_000_000
SIGNATURE_BYTES = 4
# Disks flush several files in hardly more time than one: 8 at once kept 880 small files a second,
# one after the other 115. The second number bounds how many are open, in memory if they are small.
KEEPERS, MAX_OPEN = 8, 16
# Room for a long path in the archive's table of contents, for each image that a job may have.
DIRECTORY_BYTES_PER_IMAGE = 512


class Upload:
    """Collects the images of one job. Used as a context: unless `committed`, its files go away."""

    def __init__(self, files: ImageFiles, settings: Settings) -> None:
        self._folder = files.new_folder()
        self._max_images = settings.max_job_images
        self._max_image_bytes = settings.max_image_mb * MEGABYTE
        self._unpacked_left = settings.max_upload_mb * MEGABYTE
        self._committed = False
        self._images: list[tuple[NewImage, Future[str] | None]] = []
        self._keepers = ThreadPoolExecutor(KEEPERS, thread_name_prefix="keep")
        self._may_open = threading.BoundedSemaphore(MAX_OPEN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._keepers.shutdown(wait=True)
        if not self._committed:
            self._folder.delete()

    def __len__(self) -> int:
        return len(self._images)

    @property
    def folder(self) -> str:
        """Name of the folder that holds the files."""
        return self._folder.name

    def rows(self) -> list[NewImage]:
        """All images, once each of their files is durable. Raises StorageUnavailable."""
        rows = [
            image if kept is None else replace(image, file_key=kept.result())
            for image, kept in self._images
        ]
        self._folder.sync()
        return rows

    def committed(self) -> None:
        """The rows are in the database: the files belong to them now."""
        self._committed = True

    def add(self, filename: str, chunks: Iterable[bytes]) -> None:
        """Store one file, or the members of a zip archive; `chunks` is read to its end.

        Raises UploadTooLarge when the job would have too many images, StorageUnavailable.
        """
        name = display_name(filename)
        head, chunks = _peek(chunks)
        if is_zip(head):
            self._add_archive(name, chunks)
        else:
            self._add_image(name, chunks)

    def refuse(self, filename: str, reason: str, message: str, size_bytes: int = 0) -> None:
        """A row for a file that cannot be an image, with its reason code and sentence."""
        self._append(NewImage(display_name(filename), None, size_bytes, reason, message))

    def _add_image(self, name: str, chunks: Iterable[bytes]) -> None:
        with ExitStack() as until_kept:
            incoming = until_kept.enter_context(self._folder.new_file())
            size = _copy(chunks, incoming, self._max_image_bytes)
            if size == 0:
                self.refuse(name, "unreadable", "The file is empty.")
            elif size > self._max_image_bytes:
                self._refuse_large(name, size)
            else:
                self._check_room()
                self._may_open.acquire()
                kept = self._keepers.submit(self._keep, incoming)
                until_kept.pop_all()
                self._append(NewImage(name, None, size), kept)

    def _keep(self, incoming: IncomingFile) -> str:
        try:
            with incoming:
                return incoming.keep()
        finally:
            self._may_open.release()

    def _add_archive(self, name: str, chunks: Iterable[bytes]) -> None:
        with self._folder.new_file() as incoming:
            size = _copy(chunks, incoming)
            incoming.flush()
            try:
                found = members(incoming, self._max_images * DIRECTORY_BYTES_PER_IMAGE)
            except BrokenArchive as error:
                self.refuse(name, "unreadable", str(error), size)
                return
            if not found:
                self.refuse(name, "unreadable", "The zip archive holds no files.", size)
            # Before anything is unpacked: a hundred thousand files would be written in vain.
            self._check_room(len(found))
            for member in found:
                self._add_member(f"{name}/{display_name(member.path)}", member)

    def _add_member(self, name: str, member: Member) -> None:
        if member.encrypted:
            message = "The zip archive is locked with a password. Upload it without one."
            self.refuse(name, "encrypted", message, member.size_bytes)
        elif member.size_bytes > self._max_image_bytes:
            self._refuse_large(name, member.size_bytes)
        elif member.size_bytes > self._unpacked_left:
            message = "The archive is too large when unpacked. Upload this file in another one."
            self.refuse(name, "archive_too_large", message, member.size_bytes)
        else:
            self._unpacked_left -= member.size_bytes
            try:
                head, chunks = _peek(member.chunks())
                if is_zip(head):
                    message = "This is a zip archive inside another. Upload it by itself."
                    self.refuse(name, "nested_archive", message, member.size_bytes)
                else:
                    self._add_image(name, chunks)
            except BrokenArchive as error:
                self.refuse(name, "unreadable", str(error), member.size_bytes)

    def _refuse_large(self, name: str, size_bytes: int) -> None:
        megabytes = self._max_image_bytes // MEGABYTE
        message = f"The file is larger than the {megabytes} MB that one image may have."
        self.refuse(name, "too_large", message, size_bytes)

    def _append(self, image: NewImage, kept: Future[str] | None = None) -> None:
        self._check_room()
        self._images.append((image, kept))

    def _check_room(self, more: int = 1) -> None:
        if len(self._images) + more > self._max_images:
            raise UploadTooLarge(
                f"This upload holds more than {self._max_images} images, the most that a job may "
                "have. Upload it in parts.",
                "too_many_images",
            )

    def default_name(self) -> str:
        """A job's name when the user gave none: its first file, and how many follow."""
        first = self._images[0][0].filename if self._images else ""
        more = len(self._images) - 1
        return f"{first[:160]} and {more} more" if more > 0 else first[:200]


def display_name(filename: str) -> str:
    """The user's name for a file, safe to show: a relative path of printable characters.

    It is never used as a path on the server.
    """
    steps = filename.replace("\\", "/").split("/")
    path = "/".join(step for step in steps if step.strip() not in ("", ".", ".."))
    return printable(path) or "unnamed"


def printable(text: str) -> str:
    """`text` without what would break a line, turn it around, or stay out of a database."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _peek(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, enough to see a signature, and all chunks again."""
    chunks = iter(chunks)
    head = b""
    while len(head) < SIGNATURE_BYTES and (chunk := next(chunks, None)) is not None:
        head += chunk
    return head, chain([head], chunks)


def _copy(chunks: Iterable[bytes], target: IncomingFile, max_bytes: int | None = None) -> int:
    """Write the chunks, and beyond `max_bytes` only count them. Returns: the size in bytes."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if max_bytes is None or size <= max_bytes:
            target.write(chunk)
    return size
