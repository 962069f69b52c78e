"""Access tokens of programs: creating, listing, revoking, and looking them up at every request."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session as Transaction

from worker.access import FIRST_SCOPES, Principal, Scope, TokenRecord
from worker.audit import Action, AuditEvent
from worker.errors import NotFound, TokenEnded
from worker.notices import COMMAND_LINE, Doer, NoticeKind
from worker.records.clinics import ClinicRecord
from worker.store.accounts.notices import tell_admins
from worker.store.accounts.records import clinic_record, token_principal, token_record
from worker.store.accounts.tables import SavedViewRow, Session, Token
from worker.store.audit import AuditVerbs
from worker.store.database import Database
from worker.store.numbers import take_number
from worker.store.rows import now
from worker.store.schema import Clinic
from worker.tokens import digest, hint_of, new_token


def token_works() -> tuple[ColumnElement[bool], ...]:
    """Conditions on a token that lets in."""
    return (
        Token.revoked_at.is_(None),
        or_(Token.expires_at.is_(None), Token.expires_at > now()),
    )


class TokenVerbs(AuditVerbs):
    database: Database

    def ensure_clinic(self, name: str, token: str) -> ClinicRecord:
        """Make the clinic unless it exists, and let its configured token in.

        The one that was configured before ends, and the audit trail says so. Raises TokenEnded when
        `token` itself has ended.
        """
        ended = []
        with self.database.writing() as session:
            clinic = clinic_row(session, name)
            known = session.scalar(select(Token).where(Token.sha256 == digest(token)))
            if known is None:
                known = _new_row(session, clinic.id, token, FIRST_SCOPES)
                session.add(known)
                session.flush()
            elif known.revoked_at is not None:
                raise TokenEnded(
                    "The configured access token was revoked or replaced, and stays so. Set "
                    "CXR_TOKEN to a new one."
                )
            for earlier in session.scalars(
                select(Token).where(
                    Token.of_setting, Token.clinic_id == clinic.id, Token.id != known.id
                )
            ):
                earlier.of_setting = False
                _end(session, earlier)
                called = _called(earlier)
                tell_admins(session, clinic.id, NoticeKind.TOKEN_REVOKED, COMMAND_LINE, called)
                ended.append(earlier.id)
            known.of_setting = True
            known.name = known.name or "first token"
        if ended:
            revoked = AuditEvent(Action.TOKEN_REVOKED, clinic.id, who_kind="system")
            detail = {"what": "token_replaced", "token": known.id}
            made = replace(revoked, action=Action.TOKEN_CREATED, detail=detail)
            self.audit([made, *(replace(revoked, detail={"token": number}) for number in ended)])
        return clinic_record(clinic)

    def clinic_named(self, name: str) -> ClinicRecord:
        """Raises NotFound."""
        with self.database.reading() as session:
            found = clinic_record(session.scalar(select(Clinic).where(Clinic.name == name)))
        if found is None:
            raise NotFound(f"There is no clinic {name!r}.")
        return found

    def clinics(self) -> list[ClinicRecord]:
        """All of them, by name."""
        with self.database.reading() as session:
            return [
                clinic_record(row) for row in session.scalars(select(Clinic).order_by(Clinic.name))
            ]

    def create_token(
        self,
        clinic_name: str | None,
        scopes: Iterable[Scope],
        name: str = "",
        expires_days: float | None = None,
        by: Doer = COMMAND_LINE,
    ) -> tuple[TokenRecord, str]:
        """A new token and its secret, which nobody can see again.

        clinic_name: made unless it exists; None for a token that sees no clinic.
        """
        secret = new_token()
        with self.database.writing() as session:
            clinic = clinic_row(session, clinic_name) if clinic_name is not None else None
            token = _new_row(session, clinic.id if clinic else None, secret, scopes)
            token.name = name
            if expires_days is not None:
                token.expires_at = token.created_at + timedelta(days=expires_days)
            session.add(token)
            session.flush()
            tell_admins(session, token.clinic_id, NoticeKind.TOKEN_CREATED, by, _called(token))
            return token_record(token, clinic), secret

    def tokens(self, clinic_id: int | None = None) -> list[TokenRecord]:
        """The clinic's tokens, or those of all; the oldest first."""
        query = (
            select(Token, Clinic).outerjoin(Clinic, Token.clinic_id == Clinic.id).order_by(Token.id)
        )
        if clinic_id is not None:
            query = query.where(Token.clinic_id == clinic_id)
        with self.database.reading() as session:
            return [token_record(*row) for row in session.execute(query)]

    def revoke_token(
        self, token_id: int, clinic_id: int | None = None, by: Doer = COMMAND_LINE
    ) -> None:
        """End a token and its sessions at once; one that has ended stays as it is.

        clinic_id: whose it must be. Raises NotFound.
        """
        with self.database.writing() as session:
            token = session.get(Token, token_id)
            if token is None or clinic_id not in (None, token.clinic_id):
                raise NotFound(f"There is no token {token_id}.")
            if token.revoked_at is None:
                tell_admins(session, token.clinic_id, NoticeKind.TOKEN_REVOKED, by, _called(token))
            _end(session, token)

    def principal_of_token(self, secret: str) -> Principal | None:
        """Whom the token lets in, if anybody."""
        query = (
            select(Token, Clinic)
            .outerjoin(Clinic, Token.clinic_id == Clinic.id)
            .where(Token.sha256 == digest(secret), *token_works())
        )
        with self.database.reading() as session:
            found = session.execute(query).first()
            return token_principal(*found) if found else None

    def note_token_use(self, token_ids: Iterable[int]) -> None:
        with self.database.writing() as session:
            session.execute(
                update(Token).where(Token.id.in_(list(token_ids))).values(last_used_at=now())
            )


def clinic_row(session: Transaction, name: str) -> Clinic:
    """The clinic of that name, made unless it exists."""
    clinic = session.scalar(select(Clinic).where(Clinic.name == name))
    if clinic is None:
        clinic = Clinic(name=name, created_at=now())
        session.add(clinic)
        session.flush()
    return clinic


def _new_row(
    session: Transaction, clinic_id: int | None, secret: str, scopes: Iterable[Scope]
) -> Token:
    return Token(
        id=take_number(session, Token, clinic_id),
        clinic_id=clinic_id,
        name="",
        hint=hint_of(secret),
        sha256=digest(secret),
        scopes=[scope.value for scope in Scope if scope in set(scopes)],
        created_at=now(),
    )


def _called(token: Token) -> str:
    return " ".join(filter(None, [token.name, token.hint and f"{token.hint}…"]))


def _end(session: Transaction, token: Token) -> None:
    token.revoked_at = token.revoked_at or now()
    session.execute(delete(Session).where(Session.token_id == token.id))
    session.execute(delete(SavedViewRow).where(SavedViewRow.token_id == token.id))
