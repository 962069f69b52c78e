"""A language that marks what was translated, and finds the words of a page that were not."""

import re
from collections.abc import Collection
from html.parser import HTMLParser

from babel.support import NullTranslations

from web.language.catalogues import Catalogue

BEGIN, END = "⟦", "⟧"
SPOKEN = ("title", "aria-label", "placeholder", "alt", "label")
# Not in any language: code, keys, and what is not shown.
UNSPOKEN = ("code", "kbd", "pre", "script", "style")
WITHOUT_END = ("area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr")


class MarkingTranslations(NullTranslations):
    def gettext(self, message: str) -> str:
        return f"{BEGIN}{message}{END}" if message else message

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return self.gettext(singular if number == 1 else plural)


def pseudo_catalogue(language: str) -> Catalogue:
    return Catalogue(MarkingTranslations(), {}, language)


def untranslated(page: str, data: Collection[str]) -> list[str]:
    """Words of a page that stand outside of every mark. data: names and the like
    that may."""
    finder = _Finder()
    finder.feed(page)
    finder.close()
    return [text for text in finder.outside if _words(text, data)]


def _words(text: str, data: Collection[str]) -> bool:
    text = re.sub(r"\b\d{1,2} \w+ \d{4}\b", " ", text)  # a date, in the language of the page
    for known in sorted(data, key=len, reverse=True):
        text = text.replace(known, " ")
    return re.search(r"[^\W\d_]{2,}", text) is not None


class _Finder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.outside: list[str] = []
        self._depth = 0
        self._unspoken = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._unspoken += tag in UNSPOKEN
        for name, value in attributes:
            if name in SPOKEN and value:
                self._note(re.sub(f"{BEGIN}.*{END}", " ", value, flags=re.DOTALL))

    def handle_endtag(self, tag: str) -> None:
        self._unspoken -= tag in UNSPOKEN

    def handle_data(self, text: str) -> None:
        outside = []
        for letter in text:
            if letter == BEGIN:
                self._depth += 1
            elif letter == END:
                self._depth -= 1
            elif self._depth == 0:
                outside.append(letter)
        if not self._unspoken:
            self._note("".join(outside))

    def _note(self, text: str) -> None:
        if text.strip():
            self.outside.append(" ".join(text.split()))
