"""The server's front: a request gets a thread only once it has arrived completely.

    small bodies   read by the event loop, then answered by one of `threads`
    uploads        each with a thread of its own of `max_uploads`, which reads as they arrive
    answers        made block by block; between two blocks, while the client reads, without a thread

So a client that sends or reads slowly, or not at all, costs a socket and some memory, no thread,
unless it is an upload; and it must keep up a least speed.
"""

import asyncio
import io
import json
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from web.door.answer import Answer
from web.door.connection import Connection
from web.door.environ import environ_of
from web.door.limits import Limits, Pace
from web.door.pipe import Pipe

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
MAX_ASKED = 3  # how often a request is asked again that waits for something each time
TOO_SLOW = (408, "too_slow", "The request came too slowly, so it was given up. Send it again.")
TOO_LARGE = (413, "body_too_large", "The body is larger than any that this address takes.")
TOO_MANY = (
    *(503, "too_many_uploads"),
    f"The server is taking as many uploads as it can. Try again in {RETRY_AFTER_S} seconds.",
)
STOPPING = (503, "stopping", "The server is being stopped. Send the request again.")
INTERNAL = (500, "internal_error", "Something went wrong on the server. Try again.")


class TooSlow(TimeoutError):
    """Raised when a peer's patience has run out."""


class TooLarge(Exception):
    """Raised when a body is larger than its address takes."""


class Gone(ConnectionResetError):
    """Raised when the client went away."""


class Door:
    """An ASGI application around a WSGI one."""

    def __init__(self, app: Callable, limits: Limits, takes_uploads: Callable[[str], bool]) -> None:
        """takes_uploads(path): whether a body may be large there."""
        self.limits = limits
        self._app = app
        self._takes_uploads = takes_uploads
        self._requests = ThreadPoolExecutor(limits.threads, thread_name_prefix="request")
        self._uploads = ThreadPoolExecutor(limits.max_uploads, thread_name_prefix="upload")
        self._uploading = 0
        self._at_work = threading.Semaphore(limits.busy_uploads)

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        exchange = _Exchange(scope, receive, send, self.limits)
        try:
            if self._is_large(scope) and self._takes_uploads(scope["path"]):
                await self._upload(exchange)
            else:
                await self._small(exchange)
        except Gone:
            exchange.abort()
        except TooSlow:
            await exchange.refuse(TOO_SLOW, close=True)
        except TooLarge:
            await exchange.refuse(TOO_LARGE)
        except asyncio.CancelledError:  # the server stops, and has waited as long as it may
            await exchange.refuse(STOPPING, close=True, retry_after_s=RETRY_AFTER_S)
        except Exception as error:
            # The traceback without the message, which can hold a file's name and so a patient's.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s while answering\n%s", type(error).__name__, where)
            await exchange.refuse(INTERNAL)

    def _is_large(self, scope: dict[str, Any]) -> bool:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length")
        if length is not None:
            return int(length) > self.limits.small_body_bytes
        return b"transfer-encoding" in headers

    async def _small(self, exchange: "_Exchange") -> None:
        body = await exchange.small_body()
        for asked in range(1, MAX_ASKED + 1):
            answer = Answer(self._app, environ_of(exchange.scope, io.BytesIO(body)))
            block = await self._in_thread(answer.begin)
            if answer.waits_for is None or asked == MAX_ASKED:
                break
            await self._in_thread(answer.close)
            await asyncio.wait([asyncio.wrap_future(answer.waits_for)])
        await self._send(exchange, answer, block)

    async def _upload(self, exchange: "_Exchange") -> None:
        if self._uploading >= self.limits.max_uploads:
            await exchange.refuse(TOO_MANY, retry_after_s=RETRY_AFTER_S)
            return
        loop = asyncio.get_running_loop()
        pipe = Pipe(loop, self._at_work)
        answer = Answer(self._app, environ_of(exchange.scope, pipe))

        def read_and_begin() -> bytes:
            with self._at_work:
                return answer.begin()

        self._uploading += 1
        pumping = asyncio.create_task(exchange.pump(pipe))
        try:
            block = await loop.run_in_executor(self._uploads, read_and_begin)
            pumping.cancel()
            if isinstance(pipe.error, TooSlow):
                await self._in_thread(answer.close)
                raise pipe.error
            await self._send(exchange, answer, block)
        finally:
            self._uploading -= 1
            pumping.cancel()
            pipe.end(Gone())

    async def _send(self, exchange: "_Exchange", answer: Answer, block: bytes) -> None:
        try:
            await exchange.start(answer.status, answer.headers)
            while not answer.ended:
                await exchange.write(block)
                block = await self._in_thread(answer.next_block)
            await exchange.write(block, more=False)
        finally:
            await self._in_thread(answer.close)

    def _in_thread(self, call: Callable[[], Any]) -> Awaitable[Any]:
        return asyncio.get_running_loop().run_in_executor(self._requests, call)


class _Exchange:
    """One request and its answer, at the pace that the client must keep."""

    def __init__(
        self, scope: dict[str, Any], receive: Callable, send: Callable, limits: Limits
    ) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._limits = limits
        self._pace = Pace(limits)
        self._started = False
        self._connection: Connection = scope["extensions"]["door.connection"]

    async def small_body(self) -> bytes:
        """The whole body. Raises TooLarge, TooSlow, Gone."""
        body = bytearray()
        more = True
        while more:
            piece, more = await self._next_piece()
            body += piece
            if len(body) > self._limits.small_body_bytes:
                raise TooLarge
        return bytes(body)

    async def pump(self, pipe: Pipe) -> None:
        """The body into `pipe`, as fast as it is read there."""
        more = True
        try:
            while more:
                piece, more = await self._next_piece()
                await pipe.put(piece)
        except OSError as error:
            pipe.end(error)
        else:
            pipe.end()

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._started = True
        await self._patiently({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, block: bytes, more: bool = True) -> None:
        """Send a block. Raises Gone, also for a client that takes nothing."""
        if block or not more:
            await self._patiently({"type": "http.response.body", "body": block, "more_body": more})
            self._pace.moved(len(block))

    async def refuse(
        self,
        problem: tuple[int, str, str],
        close: bool = False,
        retry_after_s: int | None = None,
    ) -> None:
        """Answer without the application; when its answer has begun, only a broken-off connection
        tells the client that the rest is missing."""
        if self._started:
            self.abort()
            return
        status, code, detail = problem
        content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
        body = json.dumps(content | {"detail": detail, "code": code}).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if retry_after_s is not None:
            headers.append((b"retry-after", str(retry_after_s).encode()))
        if close:
            headers.append((b"connection", b"close"))
        try:
            await self.start(status, headers)
            await self.write(b"" if self.scope["method"] == "HEAD" else body, more=False)
        except Gone:
            self.abort()

    def abort(self) -> None:
        self._connection.abort()

    async def _next_piece(self) -> tuple[bytes, bool]:
        try:
            with self._pace:
                async with asyncio.timeout(max(0, self._pace.left_s)):
                    message = await self._receive()
        except TimeoutError:
            raise TooSlow from None
        if message["type"] == "http.disconnect":
            raise Gone
        self._pace.moved(len(message["body"]))
        return message["body"], message["more_body"]

    async def _patiently(self, message: dict[str, Any]) -> None:
        if self._connection.is_gone:
            raise Gone
        try:
            with self._pace:
                async with asyncio.timeout(max(0, self._pace.left_s)):
                    await self._send(message)
        except TimeoutError:
            raise Gone from None
