"""One connection, with time limits that uvicorn's protocol does not have.

uvicorn bounds only the pause between two requests. Here also the head of a request has a deadline
and a size, its address too, a body that nobody wants any more is not taken without end, and when
there are too many connections the one that has been silent longest gives way.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from web.door.limits import Limits


class Connection(HttpToolsProtocol):
    """`scope["extensions"]["door.connection"]` of every request."""

    # Those between two requests, silent longest first.
    _idle: dict["Connection", None] = {}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits: Limits = self.config.loaded_app.limits
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0  # since the last head, body or piece of one was complete
        self._in_head = True
        self._in_body = False
        self.url = b""  # of the request that comes, as far as it is here

    @property
    def is_gone(self) -> bool:
        return self.transport.is_closing()

    def abort(self) -> None:
        """Close at once, whatever is still to be sent."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._idle[self] = None
        self._close_within(self._limits.head_s)
        if len(self.connections) > self._limits.max_connections:
            next(iter(self._idle)).abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._idle.pop(self, None)
        self._wait_on()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self._in_head and self._timer is None:
            self._close_within(self._limits.head_s)
        # Bytes of a body that came along are counted too: a head is far smaller than a piece.
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes <= self._limits.max_head_bytes or self.is_gone:
            return
        if not self._in_head:
            # Headers behind a body, or the head of the next request while this one is answered.
            self.abort()
        else:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "request_header_fields_too_large",
                "The address and headers of the request are too large.",
            )

    def send_400_response(self, msg: str) -> None:
        """What uvicorn answers to what it cannot parse, in the shape of all errors."""
        if self._address_is_too_long:
            most = self._limits.max_address_bytes
            self._refuse(
                HTTPStatus.REQUEST_URI_TOO_LONG,
                "address_too_long",
                f"The address of the request has more than {most:,} bytes. Ask for less at once.",
            )
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "bad_request", msg)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"door.connection": self}

    def on_url(self, url: bytes) -> None:
        """Raises ValueError, which ends the parsing: the rest of the request is not read."""
        super().on_url(url)
        if self._address_is_too_long:
            raise ValueError("The address is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Those behind a body are left out: the request is being answered by then, and a proxy
        that takes some headers away does not look for them there."""
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._idle.pop(self, None)
        self._wait_on()
        self._in_head, self._in_body, self._head_bytes = False, True, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._head_bytes = 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_body, self._head_bytes = False, 0
        if self.cycle.response_complete:
            self._await_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.is_gone:  # closed once all is sent: a reader that takes nothing must not stop that
            self._abort_within(self._limits.patience_s)
        elif self._in_body:
            self._abort_within(self._limits.linger_s)
        elif self.cycle.response_complete:
            self._await_head()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self.abort()
        else:
            super().timeout_keep_alive_handler()

    @property
    def _address_is_too_long(self) -> bool:
        return len(self.url) > self._limits.max_address_bytes

    def _refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
        """Answer a request of which there is only a part, and close the connection."""
        content = {"type": "about:blank", "title": status.phrase, "status": status.value}
        body = json.dumps(content | {"detail": detail, "code": code}).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\n"
            "cache-control: no-store\r\n"
            "x-content-type-options: nosniff\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _await_head(self) -> None:
        self._wait_on()
        self._in_head, self._head_bytes = True, 0
        self._idle[self] = None

    def _close_within(self, seconds: float) -> None:
        self._wait_on()
        self._timer = self.loop.call_later(seconds, self._too_late)

    def _abort_within(self, seconds: float) -> None:
        self._wait_on()
        self._timer = self.loop.call_later(seconds, self.abort)

    def _wait_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self.transport.close()
