"""Events of the audit trail: who did what, and when. None of them holds patient data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from worker.access import Principal

# What the first row is chained to.
BEGINNING = "0" * 64


class Action(StrEnum):
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    REFUSED = "refused"
    UPLOADED = "uploaded"
    VIEWED = "viewed"
    EXPORTED = "exported"
    CHANGED = "changed"
    DELETED = "deleted"
    TOKEN_CREATED = "token_created"  # noqa: S105 - a word
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - a word
    SETTINGS_CHANGED = "settings_changed"
    BACKED_UP = "backed_up"
    RESTORED = "restored"


class Part(StrEnum):
    """A part of the trail that is not the one of a clinic."""

    ALL = "all"
    OF_NO_CLINIC = "no_clinic"


@dataclass(frozen=True)
class AuditEvent:
    """One entry of the trail, before it is written.

    who_kind: `person`, `token`, `nobody` (not signed in), `command` (the command line) or `system`.
    detail: codes and numbers, never a file's or a patient's name.
    """

    action: Action
    clinic_id: int | None = None
    who_kind: str = "nobody"
    who_id: int | None = None
    who: str = ""
    job_id: int | None = None
    image_ids: tuple[int, ...] = ()
    address: str = ""
    detail: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditRecord:
    """An entry as it is kept; `hash` covers it and the hash of the entry before it."""

    id: int
    at: datetime
    event: AuditEvent
    hash: str


@dataclass(frozen=True)
class AuditCheck:
    """What checking the chain found: how many entries, the last one, the first that is wrong."""

    entries: int
    last_id: int | None
    last_hash: str
    broken_at: int | None


def by(principal: Principal | None) -> dict[str, object]:
    """The fields of an event that say who acts."""
    if principal is None:
        return {}
    return {
        "clinic_id": principal.clinic.id if principal.clinic else None,
        "who_kind": principal.kind.value,
        "who_id": principal.id,
        "who": principal.name[:200],
    }


def chained(before: str, at: datetime, event: AuditEvent) -> str:
    """The hash of an entry: SHA-256 of the hash before it and of every field, as hex."""
    fields = [
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.action.value,
        event.clinic_id,
        event.who_kind,
        event.who_id,
        event.who,
        event.job_id,
        list(event.image_ids),
        event.address,
        dict(event.detail),
    ]
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()
