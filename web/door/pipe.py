"""A body on its way from the event loop to the thread that reads it, a piece at a time."""

import asyncio
import io
import threading
from collections import deque

# While the thread works on what it has, so much more may arrive.
PIPE_BYTES = 1024 * 1024


class Pipe(io.RawIOBase):
    """`wsgi.input` of an upload. The event loop puts, one thread reads what has arrived so far.

    at_work: held by the reader but for the time that it waits here. Twenty uploads at full speed
    would otherwise compete with every other request for the interpreter.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, at_work: threading.Semaphore) -> None:
        self._loop = loop
        self._at_work = at_work
        self._changed = threading.Condition()
        self._pieces: deque[memoryview] = deque()
        self._size = 0
        self._ended = False
        self.error: OSError | None = None
        self._room = asyncio.Event()

    async def put(self, data: bytes) -> None:
        """Returns when there is room for more."""
        with self._changed:
            self._pieces.append(memoryview(data))
            self._size += len(data)
            full = self._size >= PIPE_BYTES
            if full:
                self._room.clear()
            self._changed.notify()
        if full:
            await self._room.wait()

    def end(self, error: OSError | None = None) -> None:
        """The body is complete; with an error, the reader gets it in place of more data."""
        with self._changed:
            self._ended = True
            self.error = self.error or error
            self._changed.notify()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        """As many bytes as there are, at least one; 0 at the end. Raises the error of `end`."""
        self._at_work.release()
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._ended)
        self._at_work.acquire()
        with self._changed:
            if self.error is not None:
                raise self.error
            was_full = self._size >= PIPE_BYTES
            filled = 0
            while self._pieces and filled < len(buffer):
                piece = self._pieces.popleft()
                fits = piece[: len(buffer) - filled]
                buffer[filled : filled + len(fits)] = fits
                filled += len(fits)
                if len(fits) < len(piece):
                    self._pieces.appendleft(piece[len(fits) :])
            self._size -= filled
            has_room = self._size < PIPE_BYTES
        if was_full and has_room:
            self._loop.call_soon_threadsafe(self._room.set)
        return filled
