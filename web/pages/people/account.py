"""A person's own account: password, second factor, and the browsers that are signed in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from apiflask import APIBlueprint
from flask import flash, g, redirect, render_template, request, url_for

from web.auth import second_factor
from web.auth.new_password import check_new_password
from web.auth.permissions import sets_up_second_factor, signed_in
from web.auth.requests import doer, local_path, principal
from web.auth.throttle import count_try
from web.errors import InvalidForm, NotPermitted
from web.language.asked import N_, _
from web.language.words import error_text
from web.pages.frame.forms import done
from web.services import services
from worker import passwords
from worker.access import PrincipalKind
from worker.errors import PasswordRefused
from worker.store.accounts.people import Credentials

blueprint = APIBlueprint("account", __name__, enable_openapi=False, url_prefix="/account")

# For so long nobody is asked again for the password that they have just entered.
JUST_SIGNED_IN = timedelta(minutes=5)
MAX_DIGITS = 18  # of a number that fits into the database
WRONG_PASSWORD = N_("That is not your current password.")
WRONG_CODE = N_("That code is not valid. Enter the one that the app shows now.")
STAYS_ON = N_(
    "A second factor is required here, so it cannot be turned off. You can set up another phone."
)


@blueprint.get("")
@signed_in
def show():
    return _page()


@blueprint.post("/password")
@signed_in
def change_password():
    """Every other session of the person ends."""
    known, asking = _credentials(), principal()
    new = request.form.get("new", "")
    if not _knows_password(known):
        return _page(refused={"password": _(WRONG_PASSWORD)}), 403
    try:
        check_new_password(new, known.person.name, known.person.clinic)
    except PasswordRefused as error:
        return _page(refused={"password": error_text("password_refused", str(error))}), 422
    services().store.set_password(
        known.person.id, passwords.hashed(new), keep_session=asking.session_id, by=doer()
    )
    return done(_("Your password is changed, and your other sessions have ended."))


@blueprint.get("/second-factor")
@sets_up_second_factor
@signed_in
def second_factor_required():
    """All that somebody sees who has no second factor where one is required."""
    asking = principal()
    if not second_factor.is_missing(asking):
        return redirect(url_for("account.show"), code=303)
    known = _credentials()
    if datetime.now(UTC) - asking.signed_in_at < JUST_SIGNED_IN:
        return _factor_page(known, second_factor.new_secret())
    return render_template("second_factor_required.html", person=known.person, wanted=_wanted())


@blueprint.post("/second-factor/begin")
@sets_up_second_factor
@signed_in
def begin_second_factor():
    """A new secret for the app; it counts once a code of it was entered."""
    known = _credentials()
    if not _knows_password(known):
        if second_factor.is_missing(principal()):
            page = render_template(
                "second_factor_required.html",
                person=known.person,
                wanted=_wanted(),
                refused=_(WRONG_PASSWORD),
            )
            return page, 403
        return _page(refused={"factor": _(WRONG_PASSWORD)}), 403
    return _factor_page(known, second_factor.new_secret())


@blueprint.post("/second-factor")
@sets_up_second_factor
@signed_in
def confirm_second_factor():
    known = _credentials()
    secret = second_factor.opened(request.form.get("sealed", ""))
    if secret is None:  # the server's secret key is another one by now, or somebody made it up
        raise InvalidForm(_("The set-up cannot go on. Begin it again."))
    count_try(known.person.name)
    period = second_factor.period_of_code(secret, request.form.get("code", ""))
    if period is None or not services().store.use_code_of(known.person.id, period):
        return _factor_page(known, secret, _(WRONG_CODE)), 403
    was_missing = second_factor.is_missing(principal())
    codes = second_factor.new_recovery_codes()
    services().store.set_second_factor(known.person.id, second_factor.sealed(secret), doer(), codes)
    g.pop("principal", None)  # who can go everywhere now, which the page's menu shows
    flash(_("From now on a code is asked for after your password."))
    return _page(codes=codes, wanted=_wanted() if was_missing else "")


@blueprint.post("/second-factor/recovery-codes")
@signed_in
def renew_recovery_codes():
    """The codes from before end."""
    known = _credentials()
    if not _knows_password(known):
        return _page(refused={"codes": _(WRONG_PASSWORD)}), 403
    if known.totp_secret is None:
        raise InvalidForm(_("You have no second factor, and so no recovery codes."))
    codes = second_factor.new_recovery_codes()
    services().store.set_recovery_codes(known.person.id, codes, doer())
    flash(_("The recovery codes from before no longer work."))
    return _page(codes=codes)


@blueprint.post("/second-factor/remove")
@signed_in
def remove_second_factor():
    known = _credentials()
    if not _knows_password(known):
        return _page(refused={"factor": _(WRONG_PASSWORD)}), 403
    if second_factor.is_required_of(principal()):
        return _page(refused={"factor": _(STAYS_ON)}), 409
    services().store.set_second_factor(known.person.id, None, doer())
    return done(_("No code is asked for any more."))


@blueprint.post("/notices/read")
@signed_in
def read_notices():
    """Those up to the newest one that was shown are not shown on every page any more."""
    until = request.form.get("until", "")
    if not (until.isascii() and until.isdigit() and len(until) <= MAX_DIGITS):
        raise InvalidForm(_("The field `%(field)s` must be a number.", field="until"))
    services().store.mark_notices_read(_credentials().person.id, int(until))
    return redirect(local_path(request.form.get("next")), code=303)


@blueprint.post("/sessions/<int:session_id>/end")
@signed_in
def end_session(session_id: int):
    """Of one's own; ending this one signs out."""
    asking = principal()
    services().store.end_session(session_id, kind=asking.kind, principal_id=asking.id)
    return done(_("The session has ended."))


@blueprint.post("/sessions/end-others")
@signed_in
def end_other_sessions():
    asking = principal()
    services().store.end_sessions(asking.kind, asking.id, except_id=asking.session_id)
    return done(_("All other sessions have ended."))


def _credentials() -> Credentials:
    """Raises NotPermitted for those who are signed in with a token, which has no password."""
    asking = principal()
    known = None
    if asking.kind is PrincipalKind.PERSON:
        known = services().store.credentials_of(asking.id)
    if known is None:
        raise NotPermitted(_("You are signed in with an access token: it has no password."))
    return known


def _knows_password(known: Credentials) -> bool:
    """Asked again before anything that would keep a thief of the session in."""
    count_try(known.person.name)
    return passwords.matches(request.form.get("password", ""), known.password_hash)


def _page(
    refused: dict[str, str] | None = None,
    codes: Sequence[str] = (),
    wanted: str = "",
) -> str:
    """codes: recovery codes, in the answer to the form itself: they are kept nowhere. wanted: where
    the person was going."""
    asking, store = principal(), services().store
    is_person = asking.kind is PrincipalKind.PERSON
    return render_template(
        "account.html",
        person=store.person(asking.id) if is_person else None,
        factor_required=second_factor.is_required_of(asking),
        sessions=store.sessions_of(asking.kind, asking.id),
        refused=refused or {},
        codes=codes,
        wanted=wanted,
        notices=store.notices(asking.id) if is_person else [],
        codes_left=store.recovery_codes_left(asking.id) if is_person else 0,
    )


def _factor_page(known: Credentials, secret: str, refused: str = "") -> str:
    return render_template(
        "second_factor.html",
        secret=secret,
        sealed=second_factor.sealed(secret),
        qr_code=second_factor.qr_code(secret, known.person.name),
        refused=refused,
        wanted=_wanted(),
        can_cancel=not second_factor.is_missing(principal()),
    )


def _wanted() -> str:
    """The page that somebody who had to set up a second factor was going to."""
    return local_path(request.values.get("next"))
