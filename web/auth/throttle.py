"""How often somebody may ask, and guess. Counted on the queue's server, so for all web servers.

While that server cannot be reached each web server counts for itself: nobody is locked out, and
nobody gets a free hand.
"""

import hashlib
import io
import threading
import time
from contextlib import suppress

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter, RateLimitExceeded
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from web.auth.sessions import session_secret
from web.services import services
from worker.settings import Settings
from worker.store.accounts.people import name_key

# Wrong tokens: nobody guesses one, but whoever tries is slowed down. A right one always passes.
GUESSES = "60 per minute"
# Passwords and codes can be guessed. By name, whoever asks; by address, whoever is meant.
TRIES_PER_NAME = "10 per 5 minutes"
TRIES_PER_ADDRESS = "30 per minute"
STORAGE_WAIT_S = 1
KEY_PREFIX = "cxr"
TOO_MANY = "Too many requests, or attempts to sign in."
BODILESS = {"GET", "HEAD", "OPTIONS"}
# Bytes are counted in kilobytes, and not at every read: each time asks the queue's server twice.
KILOBYTE, COUNT_EVERY_BYTES = 1000, 4_000_000


class OneAtATime(MemoryStorage):
    """Counts of this web server alone.

    Two threads that count at once start the timer of MemoryStorage twice, and the second fails
    (limits 5.8; mended in its repository, https://github.com/alisaifee/limits/pull/352).
    """

    STORAGE_SCHEME = ["here"]

    def __init__(self, *args, **kwargs):
        self._turn = threading.Lock()
        super().__init__(*args, **kwargs)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        with self._turn:
            return super().incr(key, expiry, amount)


class CountedBody(io.RawIOBase):
    """The body of a request, counted as it is read, and at its end. Raises what `count_bytes` does.

    length: its bytes, None when the sender does not say.
    """

    def __init__(self, body: io.RawIOBase, clinic_id: int | None, length: int | None) -> None:
        self._body = body
        self._clinic_id = clinic_id
        self._left = length
        self._uncounted = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        size = self._body.readinto(buffer)
        self._uncounted += size or 0
        if self._left is not None:
            self._left -= size or 0
        if self._uncounted >= COUNT_EVERY_BYTES or not size or self._left == 0:
            self.count()
        return size

    def count(self) -> None:
        """What was read since the last time."""
        kilobytes, self._uncounted = -(-self._uncounted // KILOBYTE), 0
        if kilobytes:
            count_bytes(kilobytes, self._clinic_id)


def limit_requests(app: Flask, settings: Settings) -> None:
    """Count the requests of every token and session, and what they send."""
    options = {"socket_connect_timeout": STORAGE_WAIT_S, "socket_timeout": STORAGE_WAIT_S}
    limiter = Limiter(
        _credential,
        application_limits=[f"{settings.max_requests_per_minute} per minute"],
        application_limits_exempt_when=_is_exempt,
        # Celery's name for a server behind a socket, and that of Flask-Limiter's library.
        storage_uri=settings.redis_url.replace("redis+socket://", "redis+unix://") or "here://",
        storage_options=options if settings.redis_url else {},
        in_memory_fallback_enabled=True,
        # Of several requests that find the queue's server gone at once, only the first falls back.
        swallow_errors=True,
        key_prefix=KEY_PREFIX,
    )
    limiter.init_app(app)
    # Flask-Limiter makes its fallback itself, and takes no other.
    limiter._fallback_storage = OneAtATime()
    limiter._fallback_limiter = FixedWindowRateLimiter(limiter._fallback_storage)
    app.after_request(_count_the_rest)


def count_request(settings: Settings, clinic_id: int | None) -> None:
    """Count a request of a clinic, and what its body will hold. Raises RateLimitExceeded."""
    if clinic_id is not None:
        limit = f"{settings.max_clinic_requests_per_minute} per minute"
        _count(limit, "requests of clinics", f"clinic {clinic_id}")
    if request.method not in BODILESS:
        body, length = request.environ["wsgi.input"], request.content_length
        request.environ["wsgi.input"] = CountedBody(body, clinic_id, length)


def count_bytes(kilobytes: int, clinic_id: int | None) -> None:
    """Count what came in a body. Raises RateLimitExceeded when it was too much in an hour."""
    settings = services().settings
    limits = [("tokens", settings.max_upload_mb_per_hour, _credential())]
    if clinic_id is not None:
        most = settings.max_clinic_upload_mb_per_hour
        limits.append(("clinics", most, f"clinic {clinic_id}"))
    for whose, megabytes, key in limits:
        # In kilobytes: many small uploads weigh what they weigh.
        limit = f"{megabytes * KILOBYTE} per hour"
        said = f"More than the {megabytes:,} MB that one of the {whose} may send in an hour."
        _count(limit, f"bytes of {whose}", key, kilobytes, said)


def _count_the_rest(response: Response) -> Response:
    """Of a body that was not read to its end."""
    body = request.environ.get("wsgi.input")
    if isinstance(body, CountedBody):
        with suppress(RateLimitExceeded):
            body.count()
    return response


def count_guess() -> None:
    """A wrong token came. Raises RateLimitExceeded, of Flask-Limiter, when there were too many."""
    _count(GUESSES, "guesses", _address())


def count_try(name: str) -> None:
    """Somebody tries to sign in by this name. Raises RateLimitExceeded."""
    _count(TRIES_PER_ADDRESS, "tries", _address())
    _count(TRIES_PER_NAME, "tries", _short(name_key(name)))


def seconds_to_wait() -> int:
    """Until the limit that was exceeded lets in again."""
    breached = _limiter().current_limit
    return max(1, round(breached.reset_at - time.time())) if breached else 1


def _count(limit: str, scope: str, key: str, cost: int = 1, said: str = TOO_MANY) -> None:
    """Raises RateLimitExceeded."""
    limiter = _limiter()
    # Flask-Limiter's own way takes three times as long. It is for those who are over the limit,
    # whom it tells how long to wait, and for when the queue's server cannot be reached.
    with suppress(RedisError):
        if limiter.limiter.hit(parse(limit), KEY_PREFIX, key, scope, cost=cost):
            return
    over = limiter.shared_limit(limit, scope, key_func=lambda: key, cost=cost, error_message=said)
    with over:
        pass


def _limiter() -> Limiter:
    return next(iter(current_app.extensions["limiter"]))


def _credential() -> str:
    """Of whom requests are counted: the token or the session that they carry, else the address."""
    secret = request.headers.get("Authorization") or session_secret()
    return _short(secret) if secret else _address()


def _address() -> str:
    return request.remote_addr or "unknown"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _is_exempt() -> bool:
    """What costs next to nothing: files of the pages, signs of life."""
    return request.endpoint in ("static", "health", "ready")
