"""Permissions: scopes, the roles that bundle them, and the principal that holds them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from worker.records.clinics import ClinicRecord


class Scope(StrEnum):
    """What a request needs and a principal has."""

    READ = "read"
    REVIEW = "review"
    UPLOAD = "upload"
    DELETE = "delete"
    ADMIN = "admin"
    OPERATE = "operate"


SCOPE_MEANS = {
    Scope.READ: "see jobs, X-rays, results and maps, and export them",
    Scope.REVIEW: "record a reader's opinion of a result",
    Scope.UPLOAD: "send files; follow, cancel, resume and retry jobs",
    Scope.DELETE: "delete jobs and images",
    Scope.ADMIN: "manage the clinic's people, tokens and sessions",
    Scope.OPERATE: (
        "see workers, numbers and the audit trail of all clinics, and retry what failed; no X-rays"
    ),
}


class Role(StrEnum):
    """What a person is in a clinic; one person may have several roles."""

    READER = "reader"
    UPLOADER = "uploader"
    ADMIN = "admin"
    OPERATOR = "operator"


SCOPES_OF_ROLE = {
    Role.READER: frozenset({Scope.READ, Scope.REVIEW}),
    Role.UPLOADER: frozenset({Scope.UPLOAD}),
    Role.ADMIN: frozenset(Scope) - {Scope.OPERATE},
    Role.OPERATOR: frozenset({Scope.OPERATE}),
}
# Of the token that CXR_TOKEN or the token file holds: whoever starts the system is its first admin.
FIRST_SCOPES = SCOPES_OF_ROLE[Role.ADMIN]


def scopes_of(roles: Iterable[Role]) -> frozenset[Scope]:
    return frozenset().union(*(SCOPES_OF_ROLE[role] for role in roles))


class PrincipalKind(StrEnum):
    PERSON = "person"
    TOKEN = "token"  # noqa: S105 - a word


@dataclass(frozen=True)
class Principal:
    """Who makes a request: a person, or a program with a token.

    id: the person's or the token's. clinic: None for those who see the whole system, and no
    clinic's X-rays. roles: of a person. language: that a person has chosen for the pages.
    session_id, signed_in_at: of the browser's session; None for a program. has_password_alone: a
    person signs in with a password and no second factor. second_factor_required: by the person's
    clinic. has_notices: something happened to the person's account that this session has to tell.
    """

    kind: PrincipalKind
    id: int
    name: str
    clinic: ClinicRecord | None
    scopes: frozenset[Scope]
    roles: tuple[Role, ...] = ()
    language: str | None = None
    session_id: int | None = None
    signed_in_at: datetime | None = None
    has_password_alone: bool = False
    second_factor_required: bool = False
    has_notices: bool = False

    def may(self, *scopes: Scope) -> bool:
        """Whether it has at least one of them."""
        return not self.scopes.isdisjoint(scopes)


@dataclass(frozen=True)
class TokenRecord:
    """An access token, without its secret. hint: its beginning. of_setting: CXR_TOKEN's."""

    id: int
    clinic: ClinicRecord | None
    name: str
    hint: str
    scopes: tuple[Scope, ...]
    of_setting: bool
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def state(self) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= datetime.now(self.expires_at.tzinfo):
            return "expired"
        return "active"


@dataclass(frozen=True)
class SessionRecord:
    """A browser that is signed in. who: the person's or the token's name."""

    id: int
    who: str
    address: str
    browser: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class SavedView:
    """A list of images that somebody keeps by name. query: of its address; it may hold what was
    searched for, such as the number of a patient."""

    id: int
    name: str
    query: str


class LinkPurpose(StrEnum):
    """What a link that works once is for."""

    SIGN_IN = "sign_in"
    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - a word


@dataclass(frozen=True)
class LinkRecord:
    """A link that can still be used.

    person_id: who signs in with it, or gets a new password; token_id: the token that signs in.
    """

    id: int
    purpose: LinkPurpose
    clinic: ClinicRecord | None
    roles: tuple[Role, ...]
    token_id: int | None
    person_id: int | None
    expires_at: datetime


@dataclass(frozen=True)
class PersonRecord:
    """Somebody who signs in. disabled_at: since when they cannot."""

    id: int
    clinic: ClinicRecord | None
    name: str
    roles: tuple[Role, ...]
    has_password: bool
    has_second_factor: bool
    created_at: datetime
    disabled_at: datetime | None
