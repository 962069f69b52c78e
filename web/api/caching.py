"""ETags: a client that has the newest version gets 304 and no body."""

import hashlib
from collections.abc import Callable

from flask import Response, request


def etag_of(*parts: object) -> str:
    """A short tag that changes when one of `parts` does; gives none of them away."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def conditional(etag: str, make: Callable[[], Response]) -> Response:
    """`make()`, or 304 when the client has `etag` already.

    Browsers keep a private copy, but ask each time: another data folder has the same ids, and a
    stale picture would be another patient's.
    """
    known = request.if_none_match.contains_weak(etag)
    response = Response(status=304) if known else make()
    response.set_etag(etag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization, Cookie"
    return response
