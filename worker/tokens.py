"""Access tokens: how they are created, what they look like, and what is stored of them."""

import hashlib
import secrets
import zlib

from worker.errors import SettingsError

# A secret scanner finds tokens by the prefix, and tells real ones by the checksum at the end:
# cxr_[0-9A-Za-z]{38}, of which the last six are the CRC-32 of the rest in base 62.
PREFIX = "cxr_"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_DIGITS = 32  # 190 bits
CHECK_DIGITS = 6
HINT_LENGTH = 8
# Of a token that somebody made up.
MIN_LENGTH = 20
MIN_DIFFERENT = 6


def new_token() -> str:
    random = "".join(secrets.choice(DIGITS) for _ in range(RANDOM_DIGITS))
    return f"{PREFIX}{random}{_checksum(random)}"


def is_well_formed(token: str) -> bool:
    """Whether `new_token` can have made it."""
    random = token.removeprefix(PREFIX)[:-CHECK_DIGITS]
    return len(random) == RANDOM_DIGITS and token == f"{PREFIX}{random}{_checksum(random)}"


def hint_of(token: str) -> str:
    """Its beginning, by which people tell tokens apart; nothing of one that somebody made up."""
    return token[:HINT_LENGTH] if is_well_formed(token) else ""


def digest(secret: str) -> str:
    """What is kept of a secret. It is random, so it needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def check_chosen(token: str, source: str) -> None:
    """Raises SettingsError for a token that could be guessed. source: where it was found."""
    if len(token) < MIN_LENGTH or len(set(token)) < MIN_DIFFERENT:
        raise SettingsError(
            f"The access token in {source} can be guessed: it needs at least {MIN_LENGTH} "
            f"characters, {MIN_DIFFERENT} of them different. Received: {len(token)} characters. "
            "Make one with `openssl rand -hex 24`."
        )


def _checksum(text: str) -> str:
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECK_DIGITS):
        rest, digit = divmod(rest, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
