"""The choice of a language, and the words of our JavaScript in it."""

from apiflask import APIBlueprint
from flask import Response, abort, jsonify, redirect, request, url_for

from web.auth.permissions import anyone
from web.auth.requests import check_same_site, local_path, principal
from web.auth.sessions import set_cookie
from web.language.asked import COOKIE, locale
from web.language.catalogues import NAMES, SOURCE, catalogue
from web.language.words import PROBLEMS, REASONS
from web.services import services
from worker.access import PrincipalKind

blueprint = APIBlueprint("language", __name__, enable_openapi=False, url_prefix="/language")

A_YEAR_S = 365 * 86_400


@blueprint.post("")
@anyone
def choose():
    """Kept with the person who is signed in, for all their browsers; else in this browser, also
    before anybody signs in."""
    check_same_site()
    language = request.form.get("language")
    response = redirect(local_path(request.form.get("next")), code=303)
    asking = principal()
    if language not in NAMES:
        return response
    if asking is not None and asking.kind is PrincipalKind.PERSON:
        services().store.set_language(asking.id, language)
    else:
        set_cookie(response, COOKIE, language, A_YEAR_S)
    return response


@blueprint.get("/<language>-<version>.json")
@anyone
def words(language: str, version: str) -> Response:
    """messages: by the English text. reasons, problems: by code. A change has another address."""
    if language not in NAMES:
        abort(404)
    found = catalogue(language)
    by_code = {"reasons": REASONS, "problems": PROBLEMS}
    gettext = found.translations.gettext
    response = jsonify(
        {"messages": found.scripts}
        | {
            name: {code: gettext(text) for code, text in texts.items()}
            for name, texts in by_code.items()
        }
    )
    if version == found.version:
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR_S}, immutable"
    return response


def words_address() -> str | None:
    """None where the pages are in English, as written in the code."""
    language = locale().language
    if language == SOURCE:
        return None
    return url_for("language.words", language=language, version=catalogue(language).version)


def other_languages() -> list[tuple[str, str]]:
    """Their codes and own names."""
    return [(code, name) for code, name in NAMES.items() if code != locale().language]
