"""How often somebody may ask, and guess. Counted on the queue's server, so for all web servers.

While that server cannot be reached each web server counts for itself: nobody is locked out, and
nobody gets a free hand.
"""

import hashlib
import threading
import time

from flask import Flask, current_app, request
from flask_limiter import Limiter
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from web.auth.sessions import session_secret
from worker.settings import Settings
from worker.store.accounts.people import name_key

# Wrong tokens: nobody guesses one, but whoever tries is slowed down. A right one always passes.
GUESSES = "60 per minute"
# Passwords and codes can be guessed. By name, whoever asks; by address, whoever is meant.
TRIES_PER_NAME = "10 per 5 minutes"
TRIES_PER_ADDRESS = "30 per minute"
STORAGE_WAIT_S = 1


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


def limit_requests(app: Flask, settings: Settings) -> None:
    """Count the requests of every token and session."""
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
        key_prefix="cxr",
    )
    limiter.init_app(app)
    # Flask-Limiter makes its fallback itself, and takes no other.
    limiter._fallback_storage = OneAtATime()
    limiter._fallback_limiter = FixedWindowRateLimiter(limiter._fallback_storage)


def count_guess() -> None:
    """A wrong token came. Raises RateLimitExceeded, of Flask-Limiter, when there were too many."""
    _count(GUESSES, "guesses", _address)


def count_try(name: str) -> None:
    """Somebody tries to sign in by this name. Raises RateLimitExceeded."""
    _count(TRIES_PER_ADDRESS, "tries", _address)
    _count(TRIES_PER_NAME, "tries", lambda: _short(name_key(name)))


def seconds_to_wait() -> int:
    """Until the limit that was exceeded lets in again."""
    breached = _limiter().current_limit
    return max(1, round(breached.reset_at - time.time())) if breached else 1


def _count(limit: str, scope: str, key) -> None:
    with _limiter().shared_limit(limit, scope, key_func=key):
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
