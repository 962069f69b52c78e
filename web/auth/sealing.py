"""Text that only this server can read, in the database or in what a browser sends back."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from web.services import services


def sealed(text: str, purpose: str) -> str:
    """Encrypted with the server's secret key; `purpose` names the only one that can open it."""
    return _box(purpose).encrypt(text.encode()).decode()


def opened(kept: str, purpose: str) -> str | None:
    """The text; None when it was sealed with another key, for another purpose, or never."""
    try:
        return _box(purpose).decrypt(kept.encode()).decode()
    except InvalidToken:
        return None


def _box(purpose: str) -> Fernet:
    key = hashlib.sha256(f"{purpose}:{services().settings.secret_key}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
