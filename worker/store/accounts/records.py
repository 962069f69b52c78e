"""Rows of accounts as records."""

from worker.access import (
    LinkRecord,
    PersonRecord,
    Principal,
    PrincipalKind,
    Role,
    Scope,
    TokenRecord,
    scopes_of,
)
from worker.records.clinics import ClinicRecord
from worker.store.accounts.tables import Link, Person, Token
from worker.store.schema import Clinic


def clinic_record(clinic: Clinic | None) -> ClinicRecord | None:
    return ClinicRecord(id=clinic.id, name=clinic.name) if clinic else None


def token_record(token: Token, clinic: Clinic | None) -> TokenRecord:
    return TokenRecord(
        id=token.id,
        clinic=clinic_record(clinic),
        name=token.name,
        hint=token.hint,
        scopes=tuple(map(Scope, token.scopes)),
        of_setting=token.of_setting,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        revoked_at=token.revoked_at,
    )


def token_principal(token: Token, clinic: Clinic | None) -> Principal:
    return Principal(
        kind=PrincipalKind.TOKEN,
        id=token.id,
        name=token.name or f"token {token.id}",
        clinic=clinic_record(clinic),
        scopes=frozenset(map(Scope, token.scopes)),
    )


def person_principal(
    person: Person, clinic: Clinic | None, second_factor_required: bool
) -> Principal:
    roles = tuple(map(Role, person.roles))
    return Principal(
        kind=PrincipalKind.PERSON,
        id=person.id,
        name=person.name,
        clinic=clinic_record(clinic),
        scopes=scopes_of(roles),
        roles=roles,
        language=person.language,
        has_password_alone=person.password_hash is not None and person.totp_secret is None,
        second_factor_required=second_factor_required,
    )


def person_record(person: Person, clinic: Clinic | None) -> PersonRecord:
    return PersonRecord(
        id=person.id,
        clinic=clinic_record(clinic),
        name=person.name,
        roles=tuple(map(Role, person.roles)),
        has_password=person.password_hash is not None,
        has_second_factor=person.totp_secret is not None,
        created_at=person.created_at,
        disabled_at=person.disabled_at,
    )


def link_record(link: Link, clinic: Clinic | None) -> LinkRecord:
    return LinkRecord(
        id=link.id,
        purpose=link.purpose,
        clinic=clinic_record(clinic),
        roles=tuple(map(Role, link.roles)),
        token_id=link.token_id,
        person_id=link.person_id,
        expires_at=link.expires_at,
    )
