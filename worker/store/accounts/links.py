"""Links that work once."""

import secrets
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session as Transaction

from worker.access import LinkPurpose, LinkRecord, Role
from worker.errors import LinkEnded, NotFound
from worker.store.accounts.records import link_record
from worker.store.accounts.tables import Link, Token
from worker.store.accounts.tokens import token_works
from worker.store.database import Database
from worker.store.rows import now
from worker.store.schema import Clinic
from worker.tokens import digest

# How long a link waits to be used.
SIGN_IN_FOR = timedelta(days=1)


class LinkVerbs:
    database: Database

    def sign_in_link(self, token: str) -> str:
        """The secret of a link that signs a browser in with that token. Raises NotFound."""
        with self.database.writing() as session:
            known = session.scalar(
                select(Token).where(Token.sha256 == digest(token), *token_works())
            )
            if known is None:
                raise NotFound(
                    "The access token of this machine is not valid: it is unknown, expired or "
                    "revoked. `cxr up` makes a new one."
                )
            return new_link(
                session,
                LinkPurpose.SIGN_IN,
                SIGN_IN_FOR,
                clinic_id=known.clinic_id,
                token_id=known.id,
            )

    def link(self, secret: str) -> LinkRecord | None:
        """The link with that secret, while it can still be used."""
        query = (
            select(Link, Clinic)
            .outerjoin(Clinic, Link.clinic_id == Clinic.id)
            .outerjoin(Token, Link.token_id == Token.id)
            .where(Link.sha256 == digest(secret), Link.used_at.is_(None), Link.expires_at > now())
            .where(or_(Link.token_id.is_(None), and_(*token_works())))
        )
        with self.database.reading() as session:
            found = session.execute(query).first()
            return link_record(*found) if found else None

    def use_link(self, link_id: int) -> None:
        """Take the link for this one use. Raises LinkEnded when another use was first."""
        with self.database.writing() as session:
            take_link(session, link_id)


def new_link(
    session: Transaction,
    purpose: LinkPurpose,
    lasts: timedelta,
    roles: Iterable[Role] = (),
    **concerns: int | None,
) -> str:
    """A link in this transaction. Returns: its secret."""
    at = now()
    session.execute(delete(Link).where(Link.expires_at < at - lasts))
    secret = secrets.token_urlsafe(32)
    session.add(
        Link(
            sha256=digest(secret),
            purpose=purpose,
            roles=[role.value for role in roles],
            created_at=at,
            expires_at=at + lasts,
            **concerns,
        )
    )
    return secret


def take_link(session: Transaction, link_id: int) -> None:
    """Mark the link as used in this transaction. Raises LinkEnded."""
    taken = session.execute(
        update(Link)
        .where(Link.id == link_id, Link.used_at.is_(None), Link.expires_at > now())
        .values(used_at=now())
    )
    if not taken.rowcount:
        raise LinkEnded("This link was used already, or is too old. Ask for a new one.")
