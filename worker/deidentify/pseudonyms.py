"""Pseudonyms: computed from identifiers with the clinic's key (HMAC-SHA256).

The same identifier gives the same pseudonym in every file of a clinic and another one in every
other clinic; without the key nobody gets back, nor finds out by trying.
"""

import base64
import hashlib
import hmac

PATIENT_BYTES = 10  # as 16 letters and digits
UID_BYTES = 16
MIN_DAYS, MAX_DAYS = 30, 3650


class Pseudonyms:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def patient(self, patient_id: str) -> str:
        """16 letters and digits for a patient ID; spaces around it do not count."""
        return base64.b32encode(
            self._digest("patient", patient_id.strip())[:PATIENT_BYTES]
        ).decode()

    def uid(self, uid: str) -> str:
        """A UID under 2.25, the root of those that nobody has to apply for (PS3.5 B.2)."""
        number = int.from_bytes(self._digest("uid", uid.strip(" \0"))[:UID_BYTES], "big")
        return f"2.25.{number}"

    def days(self, patient: str) -> int:
        """By how many days earlier the dates of a patient are to be said."""
        number = int.from_bytes(self._digest("days", patient)[:8], "big")
        return MIN_DAYS + number % (MAX_DAYS - MIN_DAYS + 1)

    def proof(self, text: str) -> str:
        """64 hexadecimal digits that only the holder of the key can make."""
        return self._digest("proof", text).hex()

    def _digest(self, purpose: str, text: str) -> bytes:
        message = f"{purpose}\0{text}".encode(errors="surrogateescape")
        return hmac.new(self._key, message, hashlib.sha256).digest()
