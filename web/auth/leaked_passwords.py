"""The look-up of leaked passwords, at the service of CXR_LEAKED_PASSWORDS_URL.

A module of its own, loaded with the first look-up: a web server without that setting does not need
the 7 MB of requests.
"""

import hashlib
import logging
import time
from http import HTTPStatus

import requests

log = logging.getLogger(__name__)

# The service gets these first letters of the SHA-1, which hundreds of passwords share.
PREFIX = 5
TIMEOUT_S = 3
MAX_ANSWER = 1_000_000  # bytes; a usual one has 80,000 with its padding


def is_leaked(password: str, address: str) -> bool:
    """Whether the service at that address knows it. When it does not answer, nothing is known of
    any: people must be able to sign up."""
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        known = _range_of(f"{address.rstrip('/')}/{digest[:PREFIX]}")
    except requests.RequestException as error:
        log.warning("Leaked passwords could not be looked up (%s)", type(error).__name__)
        return False
    # Entries that only pad the answer have a count of 0.
    return known.get(digest[PREFIX:], 0) > 0


def _range_of(address: str) -> dict[str, int]:
    """How often each password that begins so was leaked, by the rest of its SHA-1.

    Raises requests.RequestException.
    """
    ends = time.monotonic() + TIMEOUT_S
    answer = b""
    with requests.get(
        address,
        headers={"Add-Padding": "true", "User-Agent": "cxr-batch"},
        timeout=TIMEOUT_S,
        stream=True,
        allow_redirects=False,
    ) as response:
        if response.status_code != HTTPStatus.OK:
            raise requests.HTTPError(f"status {response.status_code}")
        for piece in response.iter_content(16_384):
            answer += piece
            if len(answer) > MAX_ANSWER or time.monotonic() > ends:
                raise requests.Timeout("The answer is too long, or takes too long.")
    lines = (line.partition(":") for line in answer.decode("ascii", "replace").splitlines())
    return {rest.upper(): int(count) for rest, _, count in lines if count.strip().isdecimal()}
