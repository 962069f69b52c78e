"""Passwords: which may be chosen, and what is kept of them (Argon2id)."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from worker.errors import PasswordRefused

MIN_LENGTH = 10
MAX_LENGTH = 200
MIN_SCORE = 3  # of 0 to 4: more than 10^8 guesses
_ESTIMATED = 72  # characters that zxcvbn takes
# OWASP's least, 19 MiB and two passes: about 30 ms, and little memory when many sign in at once.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def check_chosen(password: str, name: str) -> None:
    """Raises PasswordRefused for a password that could be guessed. name: of its owner."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise PasswordRefused(
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters. Received: {len(password)}."
        )
    found = zxcvbn(password[:_ESTIMATED], user_inputs=[name, "cxr", "xray", "radiology"])
    if found["score"] < MIN_SCORE:
        said = [found["feedback"]["warning"].rstrip("."), *found["feedback"]["suggestions"]]
        raise PasswordRefused(
            " ".join(
                ["This password can be guessed.", *(f"{one.rstrip('.')}." for one in said if one)]
            )
        )


def hashed(password: str) -> str:
    return _HASHER.hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Whether it is the one. With no hash, as long as with one: nobody learns which names exist."""
    try:
        return _HASHER.verify(kept or _of_nobody(), password[:MAX_LENGTH]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether it was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _of_nobody() -> str:
    return hashed("the password of nobody")
