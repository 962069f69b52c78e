"""Whether somebody may have the password that they chose."""

from web.services import services
from worker.errors import PasswordRefused
from worker.passwords import check_chosen
from worker.records.clinics import ClinicRecord


def check_new_password(password: str, name: str, clinic: ClinicRecord | None) -> None:
    """Raises PasswordRefused when it can be guessed, or was leaked somewhere.

    name: of its owner. clinic: theirs.
    """
    check_chosen(password, name, *([clinic.name] if clinic else []))
    if _is_leaked(password):
        raise PasswordRefused(
            "This password was leaked: it is in a public list of passwords that were stolen."
        )


def _is_leaked(password: str) -> bool:
    """Nothing is known of any without the setting."""
    address = services().settings.leaked_passwords_url
    if not address:
        return False
    from web.auth.leaked_passwords import is_leaked

    return is_leaked(password, address)
