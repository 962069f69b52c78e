"""The application's answer, made by a thread a block at a time, so that none waits for a reader."""

import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

BLOCK_BYTES = 64 * 1024


class Answer:
    """One call of a WSGI application. Its methods run in any thread, one at a time."""

    def __init__(self, app: Callable, environ: dict[str, Any]) -> None:
        self._app = app
        self._environ = environ
        # Flask keeps its request in context variables: each block sees those of the one before.
        self._context = contextvars.copy_context()
        self._body: Any = ()
        self._pieces: Iterator[bytes] = iter(())
        self._written: list[bytes] = []
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.ended = False
        self.waits_for: Future | None = None
        environ["door.later"] = self._wait_for

    def begin(self) -> bytes:
        """Run the application. Returns: the first block of its answer's body.

        Whatever the application raises comes out of it; the answer is closed then.
        """
        try:
            return self._context.run(self._begin)
        except BaseException:
            self.close()
            raise

    def next_block(self) -> bytes:
        """About BLOCK_BYTES more; `ended` tells whether it was the last."""
        return self._context.run(self._next_block)

    def close(self) -> None:
        """Let the application free what it holds for this request."""
        if hasattr(self._body, "close"):
            self._context.run(self._body.close)

    def _wait_for(self, future: Future) -> None:
        """`environ["door.later"]`: answer this request again when `future` is done.

        For work that is done elsewhere and takes its time: until then no thread waits.
        """
        self.waits_for = future

    def _begin(self) -> bytes:
        self._body = self._app(self._environ, self._start)
        self._pieces = iter(self._body)
        return self._next_block()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info=None) -> Callable:
        self.status = int(status.split(" ", 1)[0])
        self.headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ]
        return self._written.append

    def _next_block(self) -> bytes:
        size = sum(map(len, self._written))
        while size < BLOCK_BYTES:
            piece = next(self._pieces, None)
            if piece is None:
                self.ended = True
                break
            self._written.append(piece)
            size += len(piece)
        block = b"".join(self._written)
        self._written.clear()
        return block
