"""Who is asking: a bearer token on the API, a signed session cookie in the browser."""

from urllib.parse import urlsplit

from flask import g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from web.errors import CrossSite, NotSignedIn
from web.services import services

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def clinic_id() -> int:
    """The clinic of this request; set by the checks below before any view runs."""
    return g.clinic_id


def asking_name() -> str:
    """Whoever makes this request, as reviews and records of what was done name them."""
    return f"clinic {clinic_id()}"


def is_in_browser() -> bool:
    """Whether a browser's session asks, not a program with a token."""
    return "Authorization" not in request.headers


def check_api_request() -> None:
    """Let a valid token or session in. Raises NotSignedIn, CrossSite."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        clinic = services().store.clinic_of_token(token.strip())
        if clinic is None:
            raise NotSignedIn("The token is not valid. Send the one that `cxr up` prints.")
        g.clinic_id = clinic.id
    elif "clinic_id" in session:
        check_same_site()
        g.clinic_id = session["clinic_id"]
    else:
        raise NotSignedIn(
            "This needs a token. Send the header `Authorization: Bearer TOKEN`, or sign in "
            "at /sign-in in the browser."
        )


def check_page_request() -> Response | None:
    """Send a browser without a session to the sign-in page, and back afterwards."""
    if "clinic_id" not in session:
        # With the query: the filter of a list survives the sign-in.
        wanted = request.full_path.rstrip("?")
        wanted = wanted if wanted != "/" else None
        return redirect(url_for("pages.sign_in", next=wanted))
    check_same_site()
    g.clinic_id = session["clinic_id"]
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


def open_session(token: str) -> bool:
    """Sign the browser in. Returns: whether the token is valid."""
    clinic = services().store.clinic_of_token(token.strip())
    session.clear()
    if clinic is None:
        return False
    session["clinic_id"] = clinic.id
    session.permanent = True
    return True


def local_path(wanted: str | None) -> str:
    """`wanted` if it is a path on this server, else `/`: nobody can redirect a user elsewhere."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    return wanted if wanted.isprintable() else "/"
