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


def NP_(context: str, message: str) -> tuple[str, str]:
    """Marks words whose form depends on what they are said of: in Spanish an image (`imagen`) is
    "cancelada", a job (`lote`) "cancelado". Translated where they are shown, with `pgettext`."""
    return context, message


def pgettext(context: str, message: str, /, **values: object) -> str:
    """`message` in the reader's language, as it is said of `context`."""
    found = translations().pgettext(context, message)
    return found % values if values else found


def translations() -> NullTranslations:
    return catalogue(locale().language).translations


def locale() -> Locale:
    """The language that whoever is signed in has chosen, or somebody in this browser, else the
    browser's first one that we have; with the region that the browser names, whose numbers and
    dates count. English outside of requests."""
    if not has_request_context():
        return Locale(SOURCE)
    if "locale" not in g:
        g.locale = _locale()
    return g.locale


def _locale() -> Locale:
    known = [one for one in map(_parsed, request.accept_languages.values()) if one]
    asking = g.get("principal")
    chosen = (asking and asking.language) or request.cookies.get(COOKIE)
    if chosen in NAMES:
        known = [one for one in known if one.language == chosen] or [Locale(chosen)]
    return next((one for one in known if one.language in NAMES), Locale(SOURCE))


def _parsed(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return None
