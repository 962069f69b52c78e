"""Errors."""

from typing import Annotated

from pydantic import Field

from web.api.records.record import Record


class Problem(Record):
    """An error (RFC 9457)."""

    type: Annotated[str, Field(examples=["about:blank"])]
    title: Annotated[str, Field(examples=["Not Found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(examples=["There is no job 7."])]
    code: Annotated[str, Field(examples=["not_found"])]
    """For programs."""
    errors: dict[str, list[str]] | None = None
    """By parameter or header, what is wrong with it; only with the code `invalid_input`."""
