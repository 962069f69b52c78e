"""The second factor of a sign-in: codes of an authenticator app (TOTP, RFC 6238)."""

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime

import pyotp
import segno
from flask import g
from itsdangerous import BadSignature, URLSafeTimedSerializer

from web.auth import sealing
from web.services import services
from worker.access import Principal
from worker.notices import Doer
from worker.store.accounts.people import Credentials

PERIOD_S = 30
CODES = 10  # recovery codes
# Clocks of phones are not exact: the code before and the one after count too.
TOLERATED = (0, -1, 1)
# From the password to the code.
TICKET_S = 300
_SALT = "cxr second factor"


def is_required_of(asking: Principal) -> bool:
    """Whether the clinic or the whole server requires a second factor of passwords."""
    return services().settings.require_second_factor or asking.second_factor_required


def is_missing(asking: Principal) -> bool:
    """Whether this person has to set one up before anything else.

    Programs with a token have none, nor have people without a password here: they sign in at their
    organisation's provider, which decides how.
    """
    return asking.has_password_alone and is_required_of(asking)


def new_secret() -> str:
    return pyotp.random_base32()


def sealed(secret: str) -> str:
    """A secret as it is kept."""
    return sealing.sealed(secret, _SALT)


def opened(kept: str) -> str | None:
    """The secret, None when it was sealed with another key."""
    return sealing.opened(kept, _SALT)


def period_of_code(secret: str, code: str) -> int | None:
    """The number of the half minute that the code is of, None for a wrong one."""
    totp = pyotp.TOTP(secret, interval=PERIOD_S)
    current = totp.timecode(datetime.now(UTC))
    code = code.replace(" ", "")
    for period in (current + offset for offset in TOLERATED):
        if hmac.compare_digest(totp.generate_otp(period).encode(), code.encode()):
            return period
    return None


def new_recovery_codes() -> list[str]:
    """Codes of 16 letters and digits (80 bits), in groups of four."""
    texts = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(CODES)]
    return ["-".join(text[at : at + 4] for at in range(0, 16, 4)) for text in texts]


def recovery_code(typed: str) -> str:
    """As it was given out: however somebody types it, with spaces or in capitals."""
    text = "".join(letter for letter in typed.lower() if letter.isalnum())[:16]
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def takes(known: Credentials, typed: str, by: Doer) -> bool:
    """Whether it is the app's code of now or a recovery code; either counts once."""
    store = services().store
    secret = opened(known.totp_secret or "")
    period = secret and period_of_code(secret, typed)
    if period:
        return store.use_code_of(known.person.id, period)
    if not store.use_recovery_code(known.person.id, recovery_code(typed), by):
        return False
    g.audit_detail = {"second_factor": "recovery_code"}
    return True


def qr_code(secret: str, name: str) -> str:
    """What an authenticator app scans, as SVG."""
    uri = pyotp.TOTP(secret, interval=PERIOD_S).provisioning_uri(name=name, issuer_name="cxr-batch")
    return segno.make(uri, error="m").svg_inline(scale=5, border=3, dark="#000", light="#fff")


def ticket_for(known: Credentials) -> str:
    """Proof, for some minutes, that somebody knew this person's password."""
    return _serializer().dumps([known.person.id, _mark(known)])


def known_by_ticket(ticket: str) -> Credentials | None:
    """Whose password it was, unless that was changed since."""
    try:
        person_id, mark = _serializer().loads(ticket, max_age=TICKET_S)
    except BadSignature:
        return None
    known = services().store.credentials_of(person_id)
    return known if known and hmac.compare_digest(_mark(known), mark) else None


def _mark(known: Credentials) -> str:
    return hashlib.sha256((known.password_hash or "").encode()).hexdigest()[:16]


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(services().settings.secret_key, salt=_SALT)
