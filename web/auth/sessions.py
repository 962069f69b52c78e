"""The cookie of a browser that is signed in. It holds a random secret; the rest is a row."""

from flask import g, request
from werkzeug.wrappers import Response

from web.services import services
from worker.access import PrincipalKind
from worker.store.accounts.sessions import LONGEST

COOKIE = "cxr_session"
LINK_COOKIE = "cxr_link"


def cookie_name(name: str) -> str:
    """Behind TLS with the prefix that lets no other host and no plain HTTP set it."""
    return f"__Host-{name}" if services().settings.secure_cookies else name


def session_secret() -> str | None:
    return request.cookies.get(cookie_name(COOKIE))


def open_session(response: Response, kind: PrincipalKind, principal_id: int) -> None:
    """Sign this browser in; a session that it had ends."""
    end_session(response)
    secret = services().store.open_session(
        kind, principal_id, request.remote_addr or "", request.user_agent.string
    )
    set_cookie(response, COOKIE, secret, LONGEST.total_seconds())
    g.signed_in = services().store.principal_of_session(secret)  # for the audit trail


def end_session(response: Response) -> None:
    """Sign this browser out; its cookie is worth nothing from now on."""
    secret = session_secret()
    if secret:
        g.signed_out = services().store.principal_of_session(secret)
        services().store.end_session_of(secret)
    delete_cookie(response, COOKIE)


def set_cookie(response: Response, name: str, value: str, lasts_s: float) -> None:
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=int(lasts_s),
        secure=services().settings.secure_cookies,
        httponly=True,
        # Lax, so that a link in a message opens a page; unsafe requests are checked besides.
        samesite="Lax",
    )


def delete_cookie(response: Response, name: str) -> None:
    response.delete_cookie(
        cookie_name(name),
        secure=services().settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )
