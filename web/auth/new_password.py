"""Whether somebody may have the password that they chose."""

import hashlib
import logging
import time
from http import HTTPStatus

from web.services import services
from worker.errors import PasswordRefused
from worker.passwords import check_chosen
from worker.records.clinics import ClinicRecord

log = logging.getLogger(__name__)

# The service gets these first letters of the SHA-1, which hundreds of passwords share.
PREFIX = 5
TIMEOUT_S = 3
MAX_ANSWER = 1_000_000  # bytes; a usual one has 80,000 with its padding


def check_new_password(password: str, name: str, clinic: ClinicRecord | None) -> None:
    """Raises PasswordRefused when it can be guessed, or was leaked somewhere.

    name: of its owner. clinic: theirs.
    """
    check_chosen(password, name, *([clinic.name] if clinic else []))
    if is_leaked(password):
        raise PasswordRefused(
            "This password was leaked: it is in a public list of passwords that were stolen."
        )


def is_leaked(password: str) -> bool:
    """Whether the service of CXR_LEAKED_PASSWORDS_URL knows it. Without a setting, or when the
    service does not answer, nothing is known of any: people must be able to sign up."""
    address = services().settings.leaked_passwords_url
    if not address:
        return False
    from requests import RequestException

    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        known = _range_of(f"{address.rstrip('/')}/{digest[:PREFIX]}")
    except RequestException as error:
        log.warning("Leaked passwords could not be looked up (%s)", type(error).__name__)
        return False
    # Entries that only pad the answer have a count of 0.
    return known.get(digest[PREFIX:], 0) > 0


def _range_of(address: str) -> dict[str, int]:
    """How often each password that begins so was leaked, by the rest of its SHA-1.

    Raises requests.RequestException.
    """
    import requests  # 7 MB that a web server without this setting does not need

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
