"""The tables of accounts. Of every random secret only the SHA-256 is kept."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from worker.access import LinkPurpose
from worker.notices import NoticeKind
from worker.store.schema import Base, BigKey, by_value


class Token(Base):
    """An access token of a program.

    `of_setting`: it is the one of CXR_TOKEN or of the token file; there is one per clinic, and
    another one ends it.
    """

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    clinic_id: Mapped[int | None] = mapped_column(ForeignKey("clinics.id"))
    name: Mapped[str] = mapped_column(String(200), server_default="")
    hint: Mapped[str] = mapped_column(String(16), server_default="")
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    of_setting: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Person(Base):
    """Somebody who signs in by name. `name_key` is the name as it is compared.

    `totp_secret` is encrypted with the server's secret key; `totp_used` is the number of the last
    half minute whose code was used, since a code counts once. `oidc_subject` is who they are to the
    identity provider. `language` of the pages is None until they have chosen one.
    """

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    clinic_id: Mapped[int | None] = mapped_column(ForeignKey("clinics.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(String(400), unique=True)
    roles: Mapped[list[str]]
    password_hash: Mapped[str | None] = mapped_column(String(200))
    totp_secret: Mapped[str | None] = mapped_column(String(200))
    totp_used: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    oidc_subject: Mapped[str | None] = mapped_column(String(400), unique=True)
    language: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code that signs somebody in once, in place of their second factor."""

    __tablename__ = "recovery_codes"

    person_id: Mapped[int] = mapped_column(BigKey, ForeignKey("people.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)


class SignInRule(Base):
    """What a clinic requires of its people's sign-ins; one without a row requires nothing.

    Not a column of `clinics`: the processes that decode files can write to those.
    """

    __tablename__ = "sign_in_rules"

    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), primary_key=True)
    second_factor_required: Mapped[bool]


class Session(Base):
    """A browser that is signed in, as a person or with a token. It ends by being deleted."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("sessions_of_token", "token_id"),
        Index("sessions_of_person", "person_id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    token_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("tokens.id"))
    person_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("people.id"))
    address: Mapped[str] = mapped_column(String(64))
    browser: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class SavedViewRow(Base):
    """A list of images that a person, or whoever signs in with a token, keeps by name. The query
    of its address may hold the number of a patient: nobody else sees it, and it goes with its
    owner."""

    __tablename__ = "saved_views"
    __table_args__ = (
        UniqueConstraint("person_id", "name", name="saved_views_of_person"),
        UniqueConstraint("token_id", "name", name="saved_views_of_token"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    person_id: Mapped[int | None] = mapped_column(
        BigKey, ForeignKey("people.id", ondelete="CASCADE")
    )
    token_id: Mapped[int | None] = mapped_column(
        BigKey, ForeignKey("tokens.id", ondelete="CASCADE")
    )
    name: Mapped[str] = mapped_column(String(80))
    query: Mapped[str] = mapped_column(String(2000))


class NoticeRow(Base):
    """Something that a person is told of their account. `session_id`: of the browser that did it,
    which need not be told."""

    __tablename__ = "notices"
    __table_args__ = (Index("notices_of_person", "person_id", "read_at"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(BigKey, ForeignKey("people.id", ondelete="CASCADE"))
    kind: Mapped[NoticeKind] = mapped_column(by_value(NoticeKind))
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(64))
    browser: Mapped[str] = mapped_column(String(200))
    times: Mapped[int] = mapped_column(default=1, server_default="1")
    detail: Mapped[str] = mapped_column(String(400))
    session_id: Mapped[int | None] = mapped_column(BigInteger)
    read_at: Mapped[datetime | None]


class SignInPlace(Base):
    """A browser, without its version, and an address that somebody has signed in from."""

    __tablename__ = "sign_in_places"

    person_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True
    )
    address: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser: Mapped[str] = mapped_column(String(200), primary_key=True)
    last_at: Mapped[datetime]


class Link(Base):
    """A link that works once, until `expires_at`."""

    __tablename__ = "links"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[LinkPurpose] = mapped_column(by_value(LinkPurpose))
    clinic_id: Mapped[int | None] = mapped_column(ForeignKey("clinics.id"))
    roles: Mapped[list[str]]
    token_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("tokens.id"))
    person_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("people.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
