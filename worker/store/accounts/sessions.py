"""Sessions of browsers, as rows, so that they can be ended."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session as Transaction

from worker.access import Principal, PrincipalKind, SessionRecord
from worker.errors import NotFound
from worker.notices import Doer, NoticeKind
from worker.store.accounts.notices import add_notice, has_unread, note_place
from worker.store.accounts.records import person_principal, token_principal
from worker.store.accounts.tables import Person, Session, SignInRule, Token
from worker.store.accounts.tokens import token_works
from worker.store.database import Database
from worker.store.numbers import take_number
from worker.store.rows import now
from worker.store.schema import Clinic
from worker.tokens import digest

IDLE = timedelta(hours=12)  # a working day without use
LONGEST = timedelta(days=7)  # with use


def session_works() -> tuple[ColumnElement[bool], ...]:
    """Conditions on a session that lets in, joined with its token and person."""
    return (
        Session.seen_at > now() - IDLE,
        Session.created_at > now() - LONGEST,
        or_(
            and_(Session.token_id.is_not(None), *token_works()),
            and_(Session.person_id.is_not(None), Person.disabled_at.is_(None)),
        ),
    )


JOINED = (
    select(Session, Token, Person, Clinic)
    .outerjoin(Token, Session.token_id == Token.id)
    .outerjoin(Person, Session.person_id == Person.id)
    .outerjoin(Clinic, Clinic.id == func.coalesce(Token.clinic_id, Person.clinic_id))
)


class SessionVerbs:
    database: Database

    def open_session(
        self, kind: PrincipalKind, principal_id: int, address: str, browser: str
    ) -> str:
        """A new session. Returns: its secret, for the browser's cookie."""
        secret = secrets.token_urlsafe(32)
        at = now()
        owner = Person if kind is PrincipalKind.PERSON else Token
        with self.database.writing() as session:
            session.execute(
                delete(Session).where(
                    or_(Session.seen_at < at - IDLE, Session.created_at < at - LONGEST)
                )
            )
            clinic_id = session.scalar(select(owner.clinic_id).where(owner.id == principal_id))
            session.add(
                Session(
                    id=take_number(session, Session, clinic_id),
                    sha256=digest(secret),
                    token_id=principal_id if kind is PrincipalKind.TOKEN else None,
                    person_id=principal_id if kind is PrincipalKind.PERSON else None,
                    address=address[:64],
                    browser=browser[:200],
                    created_at=at,
                    seen_at=at,
                )
            )
            if kind is PrincipalKind.PERSON:
                person = session.get_one(Person, principal_id)
                note_place(session, person, Doer(person.name, address, browser))
        return secret

    def principal_of_session(self, secret: str) -> Principal | None:
        """Who is signed in, if anybody."""
        query = (
            JOINED.add_columns(
                func.coalesce(SignInRule.second_factor_required, False), has_unread()
            )
            .outerjoin(SignInRule, SignInRule.clinic_id == Clinic.id)
            .where(Session.sha256 == digest(secret), *session_works())
        )
        with self.database.reading() as transaction:
            found = transaction.execute(query).first()
            if found is None:
                return None
            session, token, person, clinic, second_factor_required, has_notices = found
            if person:
                principal = person_principal(person, clinic, bool(second_factor_required))
            else:
                principal = token_principal(token, clinic)
            return replace(
                principal,
                session_id=session.id,
                signed_in_at=session.created_at,
                has_notices=has_notices,
            )

    def end_session_of(self, secret: str) -> None:
        """End the session whose cookie holds this secret, if there is one."""
        with self.database.writing() as transaction:
            transaction.execute(delete(Session).where(Session.sha256 == digest(secret)))

    def note_session_use(self, session_ids: Iterable[int]) -> None:
        with self.database.writing() as transaction:
            transaction.execute(
                update(Session).where(Session.id.in_(list(session_ids))).values(seen_at=now())
            )

    def end_session(self, session_id: int, kind: PrincipalKind, principal_id: int) -> None:
        """End a session of that person or token. Raises NotFound."""
        with self.database.writing() as transaction:
            _end(transaction, session_id, _owner(kind) == principal_id)

    def end_session_in_clinic(self, session_id: int, clinic_id: int, by: Doer) -> None:
        """End a session of anybody in the clinic, who is told. Raises NotFound."""
        with self.database.writing() as transaction:
            person = _end(transaction, session_id, Clinic.id == clinic_id)
            if person is not None:
                add_notice(transaction, person, NoticeKind.SESSION_ENDED, by)

    def sessions_of(self, kind: PrincipalKind, principal_id: int) -> list[SessionRecord]:
        """The open sessions of a person or a token, the newest first."""
        return self._sessions(_owner(kind) == principal_id)

    def sessions_of_clinic(self, clinic_id: int) -> list[SessionRecord]:
        """The open sessions of everybody in the clinic, the newest first."""
        return self._sessions(Clinic.id == clinic_id)

    def end_sessions(
        self, kind: PrincipalKind, principal_id: int, except_id: int | None = None
    ) -> None:
        """End all sessions of a person or a token, but for one that is to go on."""
        ended = delete(Session).where(_owner(kind) == principal_id, Session.id != (except_id or 0))
        with self.database.writing() as transaction:
            transaction.execute(ended)

    def _sessions(self, condition: ColumnElement[bool]) -> list[SessionRecord]:
        query = JOINED.where(condition, *session_works()).order_by(Session.id.desc())
        with self.database.reading() as transaction:
            return [
                SessionRecord(
                    id=session.id,
                    who=person.name if person else token.name or f"token {token.id}",
                    address=session.address,
                    browser=session.browser,
                    created_at=session.created_at,
                    seen_at=session.seen_at,
                )
                for session, token, person, _ in transaction.execute(query)
            ]


def _end(
    transaction: Transaction, session_id: int, is_theirs: ColumnElement[bool]
) -> Person | None:
    """Returns: whose session it was; None for a token's. Raises NotFound."""
    found = transaction.execute(JOINED.where(Session.id == session_id, is_theirs)).first()
    if found is None:
        raise NotFound(f"There is no session {session_id}.")
    transaction.execute(delete(Session).where(Session.id == session_id))
    return found.Person


def _owner(kind: PrincipalKind) -> ColumnElement[int | None]:
    return Session.person_id if kind is PrincipalKind.PERSON else Session.token_id
