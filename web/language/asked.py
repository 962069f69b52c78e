"""The language and the region of a request, and words in it."""

from babel import Locale, UnknownLocaleError
from babel.support import NullTranslations
from flask import g, has_request_context, request

from web.language.catalogues import NAMES, SOURCE, catalogue

COOKIE = "cxr_language"


def N_(message: str) -> str:
    """Marks words that are translated where they are shown, with `_`."""
    return message


def _(message: str, /, **values: object) -> str:
    """`message` in the reader's language; `%(name)s` in it becomes a value."""
    found = translations().gettext(message)
    return found % values if values else found


def ngettext(singular: str, plural: str, number: int, /, **values: object) -> str:
    return translations().ngettext(singular, plural, number) % (values | {"num": number})


def translations() -> NullTranslations:
    return catalogue(locale().language).translations


def locale() -> Locale:
    """The language that was chosen in this browser, else the first one of it that we have; with the
    region that the browser names, whose numbers and dates count. English outside of requests."""
    if not has_request_context():
        return Locale(SOURCE)
    if "locale" not in g:
        g.locale = _locale()
    return g.locale


def _locale() -> Locale:
    known = [one for one in map(_parsed, request.accept_languages.values()) if one]
    chosen = request.cookies.get(COOKIE)
    if chosen in NAMES:
        known = [one for one in known if one.language == chosen] or [Locale(chosen)]
    return next((one for one in known if one.language in NAMES), Locale(SOURCE))


def _parsed(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return None
