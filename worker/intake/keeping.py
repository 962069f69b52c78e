"""Write several files of an upload to disk at the same time."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

from worker.files.incoming import IncomingFile, UploadFolder

# Disks flush several files in hardly more time than one: 8 at once kept 880 small files a second,
# one after the other 115. The second number bounds how many are open, in memory if they are small.
KEEPERS, MAX_OPEN = 8, 16


class Keeper:
    """Writes files into the folder of one upload, and flushes them in the background."""

    def __init__(self, folder: UploadFolder) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(KEEPERS, thread_name_prefix="keep")
        self._may_open = threading.BoundedSemaphore(MAX_OPEN)

    def new_file(self) -> IncomingFile:
        """A file for the caller's own use. Raises StorageUnavailable."""
        return self._folder.new_file()

    def keep(self, chunks: Iterable[bytes], max_bytes: int) -> tuple[int, Future[str] | None]:
        """Write a file. Returns: its size in bytes, and its key once it is on the disk.

        There is no key for an empty file, nor for one of more than `max_bytes`: such a one is read
        to its end and not kept. Raises StorageUnavailable.
        """
        with ExitStack() as until_kept:
            incoming = until_kept.enter_context(self._folder.new_file())
            size = copy(chunks, incoming, max_bytes)
            if not 0 < size <= max_bytes:
                return size, None
            self._may_open.acquire()
            kept = self._pool.submit(self._flush, incoming)
            until_kept.pop_all()
            return size, kept

    def close(self) -> None:
        """Wait until no file is on its way any more."""
        self._pool.shutdown(wait=True)

    def _flush(self, incoming: IncomingFile) -> str:
        try:
            with incoming:
                return incoming.keep()
        finally:
            self._may_open.release()


def copy(chunks: Iterable[bytes], target: IncomingFile, max_bytes: int | None = None) -> int:
    """Write the chunks, and beyond `max_bytes` only count them. Returns: the size in bytes."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if max_bytes is None or size <= max_bytes:
            target.write(chunk)
    return size
