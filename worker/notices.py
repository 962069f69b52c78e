"""What a person is told of their account. None of it is patient data."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class NoticeKind(StrEnum):
    NEW_PLACE = "new_place"
    FAILED_PASSWORD = "failed_password"  # noqa: S105 - a word
    FAILED_CODE = "failed_code"
    RECOVERY_USED = "recovery_used"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a word
    PASSWORD_LINK = "password_link"  # noqa: S105 - a word
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    FACTOR_RESET = "factor_reset"
    RECOVERY_RENEWED = "recovery_renewed"
    ROLES_CHANGED = "roles_changed"
    SHUT_OUT = "shut_out"
    LET_IN = "let_in"
    SESSION_ENDED = "session_ended"
    TOKEN_CREATED = "token_created"  # noqa: S105 - a word
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - a word


@dataclass(frozen=True)
class Doer:
    """Who changes something, and from where. session_id: of the browser that does it, which need
    not be told."""

    name: str = ""
    address: str = ""
    browser: str = ""
    session_id: int | None = None


# Whoever runs the server, with `cxr`.
COMMAND_LINE = Doer()


@dataclass(frozen=True)
class Notice:
    """One thing that happened.

    at: the last time, of several `times`. by: who did it, "" for the command line. detail: roles,
    or the name and the beginning of a token.
    """

    id: int
    kind: NoticeKind
    at: datetime
    by: str
    address: str
    browser: str
    times: int
    detail: str
