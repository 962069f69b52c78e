"""What all tables are made of: their base, kinds of columns, indexes of a part of the rows."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ColumnElement, DateTime, Enum, Index, Integer, bindparam
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute
from sqlalchemy.types import TypeDecorator

# SQLite only numbers rows by itself when the key is spelt INTEGER.
BigKey = BigInteger().with_variant(Integer, "sqlite")
# And only with this it never gives the number of a deleted row to another. Rows that a clinic sees
# get theirs from `worker.store.numbers`.
USED_ONCE = {"sqlite_autoincrement": True}


class UtcDateTime(TypeDecorator):
    """A point in time: aware UTC in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"Times must carry a time zone. Received: {value!r}")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def by_value(kind: type) -> Enum:
    """A column of an enumeration."""
    # Stored as the text that the API shows, so that a query by hand reads well.
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    type_annotation_map = {
        datetime: UtcDateTime,
        # Text, so that the order of its keys stays; and no JSON null where SQL has one.
        dict[str, float]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
        dict[str, Any]: JSON(none_as_null=True),
        list[dict[str, Any]]: JSON(none_as_null=True),
    }


def is_literally(column: InstrumentedAttribute, value: StrEnum) -> ColumnElement[bool]:
    """`images.status = 'waiting'` and so on, written into the SQL text.

    A planner uses a partial index only when it sees the literal, not a bound parameter.
    """
    return column == bindparam(None, value, type_=column.type, literal_execute=True)


def partial_index(
    name: str, where: ColumnElement[bool], *columns: Any, unique: bool = False
) -> None:
    """An index of the rows that `where` is true of, on both databases."""
    Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
