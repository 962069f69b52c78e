"""The base of all records of the API, and fields that several share."""

from typing import Annotated, Self

from flask import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# Clinics count from starting points of their own: 32 bits hold no number of the second one.
INT64 = {"format": "int64"}
RowNumber = Annotated[int, Field(json_schema_extra=INT64)]
TIME = Field(examples=["2026-11-23T02:30:00.250Z"])


def rounded(digits: int) -> AfterValidator:
    return AfterValidator(lambda value: None if value is None else round(value, digits))


class Record(BaseModel):
    """What the API answers with."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    @classmethod
    def of(cls, source: object) -> Self:
        """From a record of the store."""
        return cls.model_validate(source)

    @property
    def json_response(self) -> Response:
        return Response(self.model_dump_json(), mimetype="application/json")


NextCursor = Annotated[
    str | None, Field(description="Send it as `cursor` for the next page; null on the last.")
]
