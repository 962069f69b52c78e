"""Who is asking: a bearer token on the API, a session's cookie in the browser.

`check_request` runs before every view: it finds the principal, and refuses whoever lacks what the
route needs. `principal()` is where everything else learns who asks.
"""

import logging
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from flask import current_app, g, redirect, request, url_for
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response

from web.auth import second_factor
from web.auth.permissions import ANYONE, is_for_setting_up, scopes_of_route
from web.auth.sessions import session_secret
from web.auth.throttle import count_guess, count_request
from web.errors import CrossSite, NotPermitted, NotSignedIn, SecondFactorRequired
from web.services import services
from worker.access import Principal, Scope
from worker.notices import Doer

log = logging.getLogger(__name__)

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def principal() -> Principal | None:
    """Who makes this request; None when nobody is signed in."""
    if "principal" not in g:
        g.principal = _of_bearer() or _of_session()
    return g.principal


def clinic_id() -> int:
    """The clinic of this request. Raises NotPermitted for those who belong to none."""
    asking = principal()
    if asking is None or asking.clinic is None:
        raise NotPermitted("This belongs to a clinic, and you do not.")
    return asking.clinic.id


def asking_name() -> str:
    """Whoever makes this request, as reviews and records of what was done name them."""
    asking = principal()
    return asking.name if asking else "nobody"


def doer() -> Doer:
    """Whoever makes this request, for what the people concerned are told of it."""
    asking = principal()
    return replace(doer_as(asking_name()), session_id=asking.session_id if asking else None)


def doer_as(name: str) -> Doer:
    """Whoever is about to sign in by that name, and says who they are."""
    return Doer(name, request.remote_addr or "", request.user_agent.string)


def is_in_browser() -> bool:
    """Whether a browser's session asks, not a program with a token."""
    asking = principal()
    return asking is not None and asking.session_id is not None


def check_request() -> Response | None:
    """Let the request in, or send a browser to the sign-in page and back afterwards.

    Raises NotSignedIn, NotPermitted, CrossSite, SecondFactorRequired.
    """
    if request.endpoint is None:  # no such address; its page shows who is signed in
        if not _is_api():
            with suppress(DBAPIError):
                principal()
        return None
    needed = scopes_of_route(current_app, request.endpoint)
    if needed is ANYONE:
        return None
    asking = principal()
    if asking is None:
        return _ask_to_sign_in()
    count_request(services().settings, asking.clinic.id if asking.clinic else None)
    if asking.session_id is not None:
        check_same_site()
        for_setting_up = is_for_setting_up(current_app, request.endpoint)
        if second_factor.is_missing(asking) and not for_setting_up:
            return _lead_to_set_up()
    if not asking.may(*needed):
        raise NotPermitted(_what_is_missing(asking, needed))
    if asking.session_id is None or not request.if_none_match:  # a poll does not count as use
        services().last_use.note(asking)
    return None


def check_same_site() -> None:
    """Raises CrossSite when a request that changes something does not come from our own pages.

    A browser sends the cookie whoever made the form, but it tells who did: in Sec-Fetch-Site, or on
    plain HTTP in Origin. Requests with neither do not come from a browser; those use a token.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        same = site == "same-origin"
    else:
        same = origin is not None and urlsplit(origin).netloc == request.host
    if not same:
        raise CrossSite(
            "A session only works from this server's own pages. Programs send the header "
            "`Authorization: Bearer TOKEN`."
        )


def local_path(wanted: str | None) -> str:
    """`wanted` if it is a path on this server, else `/`: nobody can redirect a user elsewhere."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    return wanted if wanted.isprintable() else "/"


def _of_bearer() -> Principal | None:
    """Raises NotSignedIn for a token that lets nobody in: a session does not stand in for it."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or not _is_api():
        return None
    found = services().store.principal_of_token(token.strip())
    if found is None:
        log.warning("Refused a token that is not valid, from %s", request.remote_addr)
        count_guess()
        raise NotSignedIn(
            "The token is not valid: it is wrong, expired or revoked. `cxr token create` makes one."
        )
    return found


def _of_session() -> Principal | None:
    secret = session_secret()
    return services().store.principal_of_session(secret) if secret else None


def _ask_to_sign_in() -> Response:
    if _is_api():
        raise NotSignedIn(
            "This needs a token. Send the header `Authorization: Bearer TOKEN`, or sign in "
            "at /sign-in in the browser."
        )
    return redirect(url_for("sign_in.form", next=_wanted()))


def _wanted() -> str | None:
    """Where to go back to: a page, never an address that only takes forms."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return None if wanted == "/" else wanted


def _lead_to_set_up() -> Response:
    if _is_api():
        raise SecondFactorRequired(
            "A second factor is required here. Set it up at /account/second-factor in the browser."
        )
    g.led_to_set_up = True  # for the audit trail: nothing was seen or done
    return redirect(url_for("account.second_factor_required", next=_wanted()), code=303)


def _what_is_missing(asking: Principal, needed: frozenset[Scope]) -> str:
    has = " ".join(scope for scope in Scope if scope in asking.scopes) or "none"
    wanted = " or ".join(scope for scope in Scope if scope in needed)
    whose = "token" if asking.session_id is None else "account"
    return (
        f"This needs the permission {wanted}. Your {whose} has: {has}. "
        "Ask an admin of your clinic for more."
    )


def _is_api() -> bool:
    return request.path.startswith("/api/") and request.blueprint != "docs"
