"""Decide what an uploaded file is: an image, a zip archive of images, or unusable."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import chain

from worker.errors import UploadTooLarge
from worker.intake.archives import BrokenArchive, Member, is_zip, members
from worker.intake.keeping import Keeper, copy
from worker.intake.names import display_name, shortened
from worker.records.jobs import MAX_FILENAME, NewImage
from worker.settings import MEGABYTE, Settings

SIGNATURE_BYTES = 4
# Room for a long path in the archive's table of contents, for each image that a job may have.
DIRECTORY_BYTES_PER_IMAGE = 512
# The grain of an X-ray packs a few times, its black margins included; zeros pack a thousand times.
MAX_PACKING = 200
ALWAYS_UNPACKED_BYTES = 10_000

# Takes each image in order; the future is its file's key, None when it is refused already.
Take = Callable[[NewImage, Future[str] | None], None]


class Sorter:
    """Turns the files of one upload into images, within bounds, and hands them to `take`."""

    def __init__(self, keeper: Keeper, take: Take, settings: Settings, already: int = 0) -> None:
        """already: images that the job has before this upload."""
        self._keeper = keeper
        self._take = take
        self._limit = settings.max_job_images
        self._room = settings.max_job_images - already
        self._max_image_bytes = settings.max_image_mb * MEGABYTE
        self._unpacked_left = settings.max_upload_mb * MEGABYTE

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
        """An image that cannot be used, with its reason code and sentence."""
        name = shortened(display_name(filename))
        self._append(NewImage(name, None, size_bytes, reason, message))

    def _add_image(self, name: str, chunks: Iterable[bytes]) -> None:
        self._check_room()
        if len(name) > MAX_FILENAME:
            message = (
                f"The file's name has {len(name):,} characters, its folders included, and at most "
                f"{MAX_FILENAME:,} are kept. Give it a shorter name and send it again."
            )
            self.refuse(name, "name_too_long", message, sum(map(len, chunks)))
            return
        size, kept = self._keeper.keep(chunks, self._max_image_bytes)
        if kept is not None:
            self._append(NewImage(name, None, size), kept)
        elif size == 0:
            self.refuse(name, "unreadable", "The file is empty.")
        else:
            self._refuse_large(name, size)

    def _add_archive(self, name: str, chunks: Iterable[bytes]) -> None:
        with self._keeper.new_file() as incoming:
            size = copy(chunks, incoming)
            incoming.flush()
            try:
                found = members(incoming, self._limit * DIRECTORY_BYTES_PER_IMAGE)
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
        elif member.size_bytes > MAX_PACKING * member.packed_bytes + ALWAYS_UNPACKED_BYTES:
            message = f"The file unpacks to more than {MAX_PACKING} times its size: no X-ray does."
            self.refuse(name, "packed_too_densely", message, member.size_bytes)
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
        self._room -= 1
        self._take(image, kept)

    def _check_room(self, more: int = 1) -> None:
        if more > self._room:
            raise UploadTooLarge(
                f"With this upload the job would have more than {self._limit} images, the most "
                "that a job may have. Upload it in parts.",
                "too_many_images",
            )


def _peek(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, enough to see a signature, and all chunks again."""
    chunks = iter(chunks)
    head = b""
    while len(head) < SIGNATURE_BYTES and (chunk := next(chunks, None)) is not None:
        head += chunk
    return head, chain([head], chunks)
