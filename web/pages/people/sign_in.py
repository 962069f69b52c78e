"""Signing in and out. A GET never signs anybody in: that takes a press of a button on our page."""

import logging
import re

from apiflask import APIBlueprint
from flask import after_this_request, g, redirect, render_template, request, session, url_for
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from web.auth import oidc, second_factor
from web.auth.new_password import check_new_password
from web.auth.permissions import anyone
from web.auth.requests import check_same_site, doer_as, local_path, principal
from web.auth.sessions import (
    LINK_COOKIE,
    cookie_name,
    delete_cookie,
    end_session,
    open_session,
    set_cookie,
)
from web.auth.throttle import count_guess, count_try
from web.language.asked import N_, _
from web.language.words import error_text
from web.services import services
from worker import passwords
from worker.access import LinkPurpose, LinkRecord, PersonRecord, PrincipalKind
from worker.errors import NameTaken, PasswordRefused
from worker.notices import NoticeKind
from worker.store.accounts.people import Credentials

blueprint = APIBlueprint("sign_in", __name__, enable_openapi=False)
log = logging.getLogger(__name__)

# From opening a link that works once to the press of its button.
LINK_COOKIE_S = 3600
LINK_SECRET = re.compile(r"[\w-]{1,100}", re.ASCII)
MAX_NAME = 200
WRONG_PASSWORD = N_("That name and password do not belong together.")
WRONG_TOKEN = N_("That token is not valid. Check that all of it was copied.")
WRONG_CODE = N_("That code is not valid. Enter the one that the app shows now.")


@blueprint.get("/sign-in")
@anyone
def form():
    """With `?link=` the page of that link; its secret leaves the address and the history."""
    wanted = local_path(request.args.get("next"))
    secret = request.args.get("link")
    if secret is None:
        return _page(wanted)
    response = redirect(url_for("sign_in.link", next=_shown(wanted)), code=303)
    # Anything else is not the secret of a link, and may be what no header can carry.
    known = secret if LINK_SECRET.fullmatch(secret) else ""
    set_cookie(response, LINK_COOKIE, known, LINK_COOKIE_S)
    return response


@blueprint.post("/sign-in")
@anyone
def enter():
    """With a token, or with a name and a password."""
    check_same_site()
    wanted = local_path(request.form.get("next"))
    if request.form.get("token"):
        return _enter_with_token(request.form["token"].strip(), wanted)
    return _enter_with_password(
        request.form.get("name", "")[:MAX_NAME], request.form.get("password", ""), wanted
    )


@blueprint.post("/sign-in/code")
@anyone
def enter_code():
    """The second factor, after name and password."""
    check_same_site()
    wanted = local_path(request.form.get("next"))
    known = second_factor.known_by_ticket(request.form.get("ticket", ""))
    if known is None:
        return redirect(url_for("sign_in.form", next=_shown(wanted)), code=303)
    count_try(known.person.name)
    if not second_factor.takes(known, request.form.get("code", ""), doer_as(known.person.name)):
        _tried_as(known.person, NoticeKind.FAILED_CODE)
        return _refused("a code", _code_page, known, wanted, _(WRONG_CODE))
    return _opened(PrincipalKind.PERSON, known.person.id, wanted)


@blueprint.get("/sign-in/link")
@anyone
def link():
    """What the link is for, and the form that uses it."""
    return _link_page(_link(), local_path(request.args.get("next")))


@blueprint.post("/sign-in/link")
@anyone
def follow():
    check_same_site()
    found, wanted = _link(), local_path(request.form.get("next"))
    if found is None:
        return redirect(url_for("sign_in.link"), code=303)
    g.audit_detail = {"link": found.purpose.value}
    if found.purpose is LinkPurpose.SIGN_IN:
        services().store.use_link(found.id)
        response = _opened(PrincipalKind.TOKEN, found.token_id, wanted)
    else:
        try:
            person_id = _with_new_password(found)
        except PasswordRefused as error:
            refused = error_text("password_refused", str(error))
            return _link_page(found, wanted, refused), 422
        except NameTaken as error:
            return _link_page(found, wanted, error_text("name_taken", str(error))), 422
        response = _opened(PrincipalKind.PERSON, person_id, wanted)
    delete_cookie(response, LINK_COOKIE)
    return response


@blueprint.get("/sign-in/provider")
@anyone
def at_provider():
    """To the organisation's own sign-in. An invitation that was opened here goes with it."""
    if not oidc.is_configured():
        raise NotFound
    session["next"] = local_path(request.args.get("next"))
    return oidc.begin()


@blueprint.get("/sign-in/provider/back")
@anyone
def from_provider():
    """The provider has said who it is, to the browser that was sent there."""
    if not oidc.is_configured():
        raise NotFound
    subject, name = oidc.finish()
    wanted = local_path(session.pop("next", None))
    store, invited = services().store, _link()
    if invited is not None and invited.purpose is LinkPurpose.INVITATION:
        person = store.accept_invitation(invited.id, name[:MAX_NAME], oidc_subject=subject)
        g.audit_detail = {"link": invited.purpose.value}
    else:
        person = store.person_of_subject(subject)
    if person is None:
        refused = _("Your organisation knows you, and this server does not. Ask for an invitation.")
        return _refused("an unknown subject", _page, wanted, refused)
    response = _opened(PrincipalKind.PERSON, person.id, wanted)
    delete_cookie(response, LINK_COOKIE)
    return response


@blueprint.post("/sign-out")
@anyone
def sign_out():
    """Also for those whose session has ended: they wanted to be signed out, and are.

    The browser's copies of X-rays go, too: others may use the same machine.
    """
    check_same_site()
    response = redirect(url_for("sign_in.form"), code=303)
    end_session(response)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _enter_with_token(token: str, wanted: str) -> Response | tuple[str, int]:
    found = services().store.principal_of_token(token)
    if found is None:
        count_guess()
        return _refused("a token", _page, wanted, _(WRONG_TOKEN))
    return _opened(PrincipalKind.TOKEN, found.id, wanted)


def _enter_with_password(name: str, password: str, wanted: str) -> Response | tuple[str, int]:
    count_try(name)
    known = services().store.credentials(name)
    if not passwords.matches(password, known.password_hash if known else None):
        if known is not None:
            _tried_as(known.person, NoticeKind.FAILED_PASSWORD)
        return _refused("a password", _page, wanted, _(WRONG_PASSWORD), name)
    if passwords.is_outdated(known.password_hash):
        services().store.renew_password_hash(known.person.id, passwords.hashed(password))
    if known.totp_secret is not None:
        return _code_page(known, wanted)
    return _opened(PrincipalKind.PERSON, known.person.id, wanted)


def _with_new_password(found: LinkRecord) -> int:
    """Use a link that sets a password. Returns: whose.

    Raises PasswordRefused, NameTaken, LinkEnded.
    """
    store, form = services().store, request.form
    password = form.get("password", "")
    if found.purpose is LinkPurpose.PASSWORD:
        person = store.person(found.person_id)
        check_new_password(password, person.name, person.clinic)
        return store.use_password_link(found.id, passwords.hashed(password), doer_as(person.name))
    name = " ".join(form.get("name", "").split())
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise PasswordRefused(f"A name has 1 to {MAX_NAME} characters. Received: {len(name)}.")
    check_new_password(password, name, found.clinic)
    return store.accept_invitation(found.id, name, passwords.hashed(password)).id


def _tried_as(person: PersonRecord, kind: NoticeKind) -> None:
    """Their clinic's trail says so, and they are told. That is written once the answer has left:
    how long it takes must not say whether there is somebody of that name."""
    g.tried_as = person
    store, by = services().store, doer_as(person.name)

    def tell() -> None:
        try:
            store.note_failed_sign_in(person.id, kind, by)
        except DBAPIError as error:
            log.warning("A failed sign-in was not noted (%s)", type(error.orig).__name__)

    @after_this_request
    def after(response: Response) -> Response:
        response.call_on_close(tell)
        return response


def _opened(kind: PrincipalKind, principal_id: int, wanted: str) -> Response:
    response = redirect(wanted, code=303)
    open_session(response, kind, principal_id)
    return response


def _refused(what: str, page, *arguments) -> tuple[str, int]:
    # Not the name: somebody may have typed a password into its field.
    log.warning("Refused a sign-in with %s that is wrong, from %s", what, request.remote_addr)
    return page(*arguments), 403


def _page(wanted: str, refused: str = "", name: str = "") -> str:
    return render_template(
        "sign_in.html",
        wanted=wanted,
        refused=refused,
        name=name,
        asking=principal(),
        has_people=services().store.has_people(),
        has_provider=oidc.is_configured(),
    )


def _code_page(known: Credentials, wanted: str, refused: str = "") -> str:
    ticket = second_factor.ticket_for(known)
    return render_template("sign_in_code.html", wanted=wanted, refused=refused, ticket=ticket)


def _link_page(found: LinkRecord | None, wanted: str, refused: str = "") -> str | tuple[str, int]:
    person = services().store.person(found.person_id) if found and found.person_id else None
    page = render_template(
        "link.html",
        link=found,
        person=person,
        wanted=wanted,
        refused=refused,
        asking=principal(),
        has_provider=oidc.is_configured(),
    )
    return page if found else (page, 410)


def _link() -> LinkRecord | None:
    secret = request.cookies.get(cookie_name(LINK_COOKIE))
    return services().store.link(secret) if secret else None


def _shown(wanted: str) -> str | None:
    return None if wanted == "/" else wanted
