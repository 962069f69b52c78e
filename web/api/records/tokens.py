"""Access tokens of programs."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from web.api.records.record import TIME, Record, RowNumber
from worker.access import Scope


class Token(Record):
    """An access token of a program, without its secret."""

    id: RowNumber
    name: str
    hint: Annotated[str, Field(examples=["cxr_3fX9"])]
    """How it begins."""
    scopes: list[Scope]
    state: Literal["active", "expired", "revoked"]
    created_at: Annotated[datetime, TIME]
    expires_at: Annotated[datetime | None, TIME]
    """Null: not before it is revoked."""
    last_used_at: Annotated[datetime | None, TIME]
    revoked_at: Annotated[datetime | None, TIME]


class NewToken(Token):
    """An access token that was just created."""

    token: str
    """The secret. It cannot be shown again."""


class TokenList(Record):
    items: list[Token]
