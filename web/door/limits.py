"""What the server requires of its clients, and how much it does at once."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one server. A peer that keeps within them is never cut off.

    threads: requests answered at once; more wait without one. max_uploads: bodies larger than
        `small_body_bytes` that are read at once; more are answered 503.
    busy_uploads: uploads whose threads compute at once, while others wait for bytes or their turn.
    max_address_bytes: of a request's path and query together.
    head_s: for a request's head, from its first byte or from the connection's.
    patience_s: how long a peer may send or take nothing, if it was quick enough before.
    min_bytes_per_s: the speed below which patience runs out, either way.
    linger_s: how long the rest of a body is thrown away after an early answer, so that the client
        gets to read it.
    """

    threads: int = 8
    max_uploads: int = 48
    busy_uploads: int = 2
    max_connections: int = 4000
    small_body_bytes: int = 64 * 1024
    max_address_bytes: int = 32 * 1024
    max_head_bytes: int = 64 * 1024
    head_s: float = 10.0
    keep_alive_s: float = 15.0
    patience_s: float = 30.0
    min_bytes_per_s: float = 4000.0
    linger_s: float = 5.0
    stop_s: float = 9.0


class Pace:
    """How long we keep waiting for one client. Only time spent waiting for it counts."""

    def __init__(self, limits: Limits) -> None:
        self._max_s = limits.patience_s
        self._s_per_byte = 1 / limits.min_bytes_per_s
        self.left_s = limits.patience_s
        self._waiting_since = 0.0

    def __enter__(self) -> None:
        self._waiting_since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.left_s -= time.monotonic() - self._waiting_since

    def moved(self, size_bytes: int) -> None:
        """The peer sent or took that much."""
        self.left_s = min(self._max_s, self.left_s + size_bytes * self._s_per_byte)
