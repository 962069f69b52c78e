"""People: inviting, signing in, changing and disabling them."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Transaction

from worker.access import LinkPurpose, PersonRecord, Role
from worker.errors import NameTaken, NotFound
from worker.notices import COMMAND_LINE, Doer, NoticeKind
from worker.store.accounts.links import new_link, take_link
from worker.store.accounts.notices import add_notice
from worker.store.accounts.records import person_record
from worker.store.accounts.tables import Link, Person, RecoveryCode, Session
from worker.store.accounts.tokens import clinic_row
from worker.store.database import Database
from worker.store.numbers import take_number
from worker.store.rows import now
from worker.store.schema import Clinic
from worker.tokens import digest

INVITED_FOR = timedelta(days=7)
PASSWORD_LINK_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Credentials:
    """What somebody's sign-in is checked against. totp_secret: as it is kept, encrypted."""

    person: PersonRecord
    password_hash: str | None
    totp_secret: str | None


class PersonVerbs:
    database: Database

    def invite(self, clinic_name: str | None, roles: Iterable[Role]) -> str:
        """The secret of a link with which somebody makes an account, once.

        clinic_name: made unless it exists; None for an operator of the whole system.
        """
        with self.database.writing() as session:
            clinic = clinic_row(session, clinic_name) if clinic_name is not None else None
            return new_link(
                session,
                LinkPurpose.INVITATION,
                INVITED_FOR,
                roles,
                clinic_id=clinic.id if clinic else None,
            )

    def accept_invitation(
        self,
        link_id: int,
        name: str,
        password_hash: str | None = None,
        oidc_subject: str | None = None,
    ) -> PersonRecord:
        """The new person, who signs in with a password or as that subject of the provider.

        Raises LinkEnded, and NameTaken, which leaves the link as it was.
        """
        try:
            with self.database.writing() as session:
                take_link(session, link_id)
                link = session.get_one(Link, link_id)
                person = Person(
                    id=take_number(session, Person, link.clinic_id),
                    clinic_id=link.clinic_id,
                    name=name,
                    name_key=name_key(name),
                    roles=link.roles,
                    password_hash=password_hash,
                    oidc_subject=oidc_subject,
                    created_at=now(),
                )
                session.add(person)
                session.flush()
                link.person_id = person.id
                return _record(session, person)
        except IntegrityError as error:
            raise NameTaken(
                "This name, or this account of your organisation, is taken already."
            ) from error

    def has_people(self) -> bool:
        """Whether anybody has an account, in any clinic."""
        with self.database.reading() as session:
            return session.scalar(select(Person.id).limit(1)) is not None

    def people(self, clinic_id: int) -> list[PersonRecord]:
        """Those of the clinic, by name."""
        query = select(Person, Clinic).join(Clinic, Person.clinic_id == Clinic.id)
        with self.database.reading() as session:
            rows = session.execute(query.where(Clinic.id == clinic_id).order_by(Person.name_key))
            return [person_record(*row) for row in rows]

    def person(self, person_id: int, clinic_id: int | None = None) -> PersonRecord:
        """clinic_id: whose it must be. Raises NotFound."""
        with self.database.reading() as session:
            return _record(session, _person(session, person_id, clinic_id))

    def credentials(self, name: str) -> Credentials | None:
        """Of the person of that name who may sign in."""
        query = select(Person).where(Person.name_key == name_key(name))
        return self._credentials(query)

    def credentials_of(self, person_id: int) -> Credentials | None:
        return self._credentials(select(Person).where(Person.id == person_id))

    def person_of_subject(self, oidc_subject: str) -> PersonRecord | None:
        """Who may sign in as that subject of the identity provider."""
        known = self._credentials(select(Person).where(Person.oidc_subject == oidc_subject))
        return known.person if known else None

    def set_roles(
        self, person_id: int, clinic_id: int, roles: Iterable[Role], by: Doer = COMMAND_LINE
    ) -> None:
        """Raises NotFound."""
        with self.database.writing() as session:
            person = _person(session, person_id, clinic_id)
            person.roles = [role.value for role in roles]
            add_notice(session, person, NoticeKind.ROLES_CHANGED, by, " ".join(person.roles))

    def set_language(self, person_id: int, language: str) -> None:
        """Of the pages that the person sees from now on, in any browser."""
        with self.database.writing() as session:
            session.get_one(Person, person_id).language = language

    def set_disabled(
        self, person_id: int, clinic_id: int, disabled: bool, by: Doer = COMMAND_LINE
    ) -> None:
        """Shut somebody out at once, or let them in again. Raises NotFound."""
        with self.database.writing() as session:
            person = _person(session, person_id, clinic_id)
            person.disabled_at = (person.disabled_at or now()) if disabled else None
            add_notice(session, person, NoticeKind.SHUT_OUT if disabled else NoticeKind.LET_IN, by)
            if disabled:
                _end_sessions(session, person)

    def password_link(self, person_id: int, clinic_id: int, by: Doer = COMMAND_LINE) -> str:
        """The secret of a link with which the person sets a new password, once. Raises NotFound."""
        with self.database.writing() as session:
            person = _person(session, person_id, clinic_id)
            add_notice(session, person, NoticeKind.PASSWORD_LINK, by)
            return new_link(
                session,
                LinkPurpose.PASSWORD,
                PASSWORD_LINK_FOR,
                clinic_id=person.clinic_id,
                person_id=person.id,
            )

    def use_password_link(self, link_id: int, password_hash: str, by: Doer = COMMAND_LINE) -> int:
        """A new password; sessions and a second factor from before end. Returns: whose it is.

        Raises LinkEnded.
        """
        with self.database.writing() as session:
            take_link(session, link_id)
            person = session.get_one(Person, session.get_one(Link, link_id).person_id)
            person.password_hash = password_hash
            add_notice(session, person, NoticeKind.PASSWORD_CHANGED, by)
            if person.totp_secret is not None:
                add_notice(session, person, NoticeKind.FACTOR_REMOVED, by)
            _end_second_factor(session, person)
            _end_sessions(session, person)
            return person.id

    def set_password(
        self,
        person_id: int,
        password_hash: str,
        keep_session: int | None = None,
        by: Doer = COMMAND_LINE,
    ) -> None:
        """A new password; every session but the one to be kept ends."""
        with self.database.writing() as session:
            person = session.get_one(Person, person_id)
            person.password_hash = password_hash
            add_notice(session, person, NoticeKind.PASSWORD_CHANGED, by)
            _end_sessions(session, person, keep_session)

    def renew_password_hash(self, person_id: int, password_hash: str) -> None:
        """The same password, hashed as it is done today."""
        with self.database.writing() as session:
            session.get_one(Person, person_id).password_hash = password_hash

    def set_second_factor(
        self,
        person_id: int,
        totp_secret: str | None,
        by: Doer = COMMAND_LINE,
        codes: Iterable[str] = (),
    ) -> None:
        """totp_secret: encrypted; None to do without. codes: for recovery, in the place of those
        from before."""
        kind = NoticeKind.FACTOR_ADDED if totp_secret else NoticeKind.FACTOR_REMOVED
        with self.database.writing() as session:
            person = session.get_one(Person, person_id)
            person.totp_secret = totp_secret
            add_notice(session, person, kind, by)
            _replace_recovery_codes(session, person_id, codes)

    def reset_second_factor(
        self, person_id: int, clinic_id: int | None = None, by: Doer = COMMAND_LINE
    ) -> None:
        """For somebody who lost it; their sessions end. clinic_id: whose it must be.

        Raises NotFound.
        """
        with self.database.writing() as session:
            person = _person(session, person_id, clinic_id)
            add_notice(session, person, NoticeKind.FACTOR_RESET, by)
            _end_second_factor(session, person)
            _end_sessions(session, person)

    def set_recovery_codes(
        self, person_id: int, codes: Iterable[str], by: Doer = COMMAND_LINE
    ) -> None:
        """These in the place of those from before."""
        with self.database.writing() as session:
            person = session.get_one(Person, person_id)
            add_notice(session, person, NoticeKind.RECOVERY_RENEWED, by)
            _replace_recovery_codes(session, person_id, codes)

    def recovery_codes_left(self, person_id: int) -> int:
        query = select(func.count()).where(RecoveryCode.person_id == person_id)
        with self.database.reading() as session:
            return session.scalar(query) or 0

    def use_recovery_code(self, person_id: int, code: str, by: Doer = COMMAND_LINE) -> bool:
        """Take the code, which works once. Returns: False when it is none, or was used."""
        used = delete(RecoveryCode).where(
            RecoveryCode.person_id == person_id, RecoveryCode.sha256 == digest(code)
        )
        with self.database.writing() as session:
            if not session.execute(used).rowcount:
                return False
            person = session.get_one(Person, person_id)
            add_notice(session, person, NoticeKind.RECOVERY_USED, by)
            return True

    def use_code_of(self, person_id: int, period: int) -> bool:
        """Take the code of that half minute. Returns: False when it or a later one was used."""
        taken = (
            update(Person)
            .where(Person.id == person_id, Person.totp_used < period)
            .values(totp_used=period)
        )
        with self.database.writing() as session:
            return bool(session.execute(taken).rowcount)

    def _credentials(self, query) -> Credentials | None:
        with self.database.reading() as session:
            person = session.scalar(query.where(Person.disabled_at.is_(None)))
            if person is None:
                return None
            record = _record(session, person)
            return Credentials(record, person.password_hash, person.totp_secret)


def name_key(name: str) -> str:
    """The name as it is compared: without regard to case, and to how its letters are composed."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()[:400]


def _person(session: Transaction, person_id: int, clinic_id: int | None) -> Person:
    person = session.get(Person, person_id)
    if person is None or clinic_id not in (None, person.clinic_id):
        raise NotFound(f"There is no person {person_id}.")
    return person


def _record(session: Transaction, person: Person) -> PersonRecord:
    clinic = session.get(Clinic, person.clinic_id) if person.clinic_id else None
    return person_record(person, clinic)


def _end_second_factor(session: Transaction, person: Person) -> None:
    person.totp_secret = None
    _replace_recovery_codes(session, person.id, ())


def _replace_recovery_codes(session: Transaction, person_id: int, codes: Iterable[str]) -> None:
    """Only hashes are kept."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    session.add_all(RecoveryCode(person_id=person_id, sha256=digest(code)) for code in codes)


def _end_sessions(session: Transaction, person: Person, keep: int | None = None) -> None:
    session.execute(
        delete(Session).where(Session.person_id == person.id, Session.id != (keep or 0))
    )
