"""The bytes of an upload in pieces: as they come, and joined again."""

import io
from collections.abc import Iterable, Iterator

from worker.errors import UploadTooLarge


class Announced:
    """Chunks, of which more than `most` bytes are an error. `error`: what ended them early."""

    def __init__(self, chunks: Iterable[bytes], most: int) -> None:
        self._chunks = iter(chunks)
        self._left = most
        self.error: Exception | None = None

    def next(self) -> bytes:
        """Empty at the end, also at an early one."""
        if self.error is not None:
            return b""
        try:
            chunk = next(self._chunks, b"")
        except Exception as error:
            self.error = error
            return b""
        self._left -= len(chunk)
        if self._left < 0:
            self.error = UploadTooLarge(
                "More bytes came than the upload was announced with. Start it again.",
                "upload_too_large",
            )
            return b""
        return chunk


class Joined(io.RawIOBase):
    """Pieces one after the other, one at a time in memory."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._piece = memoryview(piece)
        size = min(len(buffer), len(self._piece))
        buffer[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size
