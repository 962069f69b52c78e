"""What inputs have in common: limits, kinds of fields, base classes."""

from datetime import UTC, datetime
from typing import Annotated, NoReturn

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from web.api.records.record import INT64

MAX_PER_PAGE = 500
MAX_CURSOR = 64  # what the base64 of a row's id and a number needs
MAX_LABEL = 80

Cursor = Annotated[
    str | None,
    Field(max_length=MAX_CURSOR, description="`next_cursor` of the page before."),
]


def _storable(value: object) -> object:
    """JSON may carry half a surrogate pair, which is not a character: one odd name must not refuse
    a whole upload."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


Text = Annotated[str, BeforeValidator(_storable)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
# Lists of them are written with commas.
Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL, pattern="^[^,]+$")]
# Of a list in an address: whoever wants all leaves it out.
NO_DEFAULT = {"json_schema_extra": lambda schema: schema.pop("default", None)}
SOME = Field(min_length=1, **NO_DEFAULT)
FEW = Field(min_length=1, max_length=500, **NO_DEFAULT)
RowNumber = Annotated[int, Field(ge=1, le=2**63 - 1, json_schema_extra=INT64)]


def _moment(value: object) -> object:
    """A time with its offset, in UTC. Raises ValueError, which shows how one is written."""
    if not isinstance(value, str):
        return value
    try:
        found = datetime.fromisoformat(value)
        # Without an offset it would be taken for the server's own time.
        return found.astimezone(UTC) if found.tzinfo else _no_moment(value)
    except (ValueError, OverflowError):
        return _no_moment(value)


def _no_moment(value: str) -> NoReturn:
    raise ValueError(f"Received: {value[:40]}. Allowed: a time such as 2026-11-25T08:00:00Z.")


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
    PlainSerializer(datetime.isoformat),
]


def parts(value: object) -> object:
    """What an address lists with commas. An empty part is refused like a wrong value: `images=`
    from a program that knows of none must not mean all of them."""
    return value.split(",") if isinstance(value, str) else value


class Query(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Body(BaseModel):
    """What is sent as JSON: nothing but what it names."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
