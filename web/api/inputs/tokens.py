"""Access tokens."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from web.api.inputs.fields import Body, Text
from worker.access import Scope

MAX_TOKEN_NAME = 200
# An operator's scope is not a clinic's to give. Words, since errors name them.
ClinicScope = Annotated[
    Literal["read", "review", "upload", "delete", "admin"], AfterValidator(Scope)
]


class TokenBody(Body):
    """An access token to be made."""

    scopes: Annotated[list[ClinicScope], Field(min_length=1, max_length=16)]
    """What it may do."""
    name: Annotated[Text, Field(max_length=MAX_TOKEN_NAME)] = ""
    """The program that uses it."""
    expires_days: Annotated[
        float | None, Field(gt=0, le=3650, allow_inf_nan=False, strict=True)
    ] = None
    """Days after which it ends; null: it stays valid until it is revoked."""
