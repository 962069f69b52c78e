"""A JSON upload read value by value: a million values take no more memory than one."""

import json
import re
from collections.abc import Collection, Iterator
from json.decoder import JSONDecoder
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = JSONDecoder()


class BrokenJson(Exception):
    """Raised when a body is not JSON; says where it breaks."""


class UnexpectedJson(Exception):
    """Raised for a list or an object where a plain value belongs, or the other way round."""


def members(body: bytes, lists: Collection[str]) -> Iterator[tuple[str, Any]]:
    """The members of the object in `body`, in their order, as (name, value).

    Those in `lists` are lists of objects and come item by item. All other values are text, numbers,
    true, false or null; anything deeper is refused before it is read. Raises BrokenJson,
    UnexpectedJson.
    """
    reader = _Reader(_text(body))
    for name in reader.names("The body"):
        if name not in lists:
            yield name, reader.plain_value("A value")
            continue
        for number, _ in enumerate(reader.items(f"`{name}`")):
            item = f"{name}.{number}"
            names = reader.names(item)
            yield name, {inner: reader.plain_value(f"A value of {item}") for inner in names}
    reader.end()


def _text(body: bytes) -> str:
    try:
        return body.decode(json.detect_encoding(body), "surrogatepass")
    except UnicodeDecodeError:
        raise BrokenJson("The JSON is not UTF-8.") from None


class _Reader:
    """A position in a JSON text. `what` names a value in the errors."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def names(self, what: str) -> Iterator[str]:
        """The names in the object that begins here. Each one's value is read before the next."""
        if self._next() != "{":
            raise UnexpectedJson(f"{what} must be an object.")
        for _ in self._separated("}"):
            if self._next() != '"':
                raise self._broken()
            name = self.plain_value(what)
            if self._next() != ":":
                raise self._broken()
            self._at += 1
            yield name

    def items(self, what: str) -> Iterator[None]:
        """Stops at each item of the list that begins here; it is read before the next."""
        if self._next() != "[":
            raise UnexpectedJson(f"{what} must be a list.")
        return self._separated("]")

    def plain_value(self, what: str) -> Any:
        if self._next() in ("{", "["):
            raise UnexpectedJson(f"{what} must be text, true or false, not a list or an object.")
        try:
            value, self._at = _DECODER.raw_decode(self._text, self._at)
        except ValueError:
            raise self._broken() from None
        return value

    def end(self) -> None:
        if self._next():
            raise self._broken()

    def _separated(self, closing: str) -> Iterator[None]:
        self._at += 1
        if self._next() == closing:
            self._at += 1
            return
        while True:
            yield
            found = self._next()
            if found not in (",", closing):
                raise self._broken()
            self._at += 1
            if found == closing:
                return

    def _next(self) -> str:
        """The next character that is not whitespace; empty at the end."""
        self._at = _SPACE.match(self._text, self._at).end()
        return self._text[self._at : self._at + 1]

    def _broken(self) -> BrokenJson:
        return BrokenJson(f"The body is not valid JSON: it breaks at character {self._at}.")
