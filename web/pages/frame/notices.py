"""What somebody is told of their account, in words."""

import logging

from flask import g
from sqlalchemy.exc import DBAPIError

from web.auth import second_factor
from web.language.asked import N_, _, ngettext
from web.services import services
from worker.access import Principal
from worker.notices import Notice, NoticeKind

log = logging.getLogger(__name__)

SHOWN = 3  # at once, on every page
TEXTS = {
    NoticeKind.NEW_PLACE: N_("Somebody signed in as you from a new browser or address."),
    NoticeKind.RECOVERY_USED: N_("A recovery code was used to sign in."),
    NoticeKind.PASSWORD_CHANGED: N_("Your password was changed."),
    NoticeKind.PASSWORD_LINK: N_("A link with which your password can be changed was made."),
    NoticeKind.FACTOR_ADDED: N_("A second factor was set up."),
    NoticeKind.FACTOR_REMOVED: N_("Your second factor was turned off."),
    NoticeKind.FACTOR_RESET: N_("Your second factor was reset."),
    NoticeKind.RECOVERY_RENEWED: N_("Your recovery codes were replaced."),
    NoticeKind.SHUT_OUT: N_("Your account was disabled."),
    NoticeKind.LET_IN: N_("Your account was enabled again."),
    NoticeKind.SESSION_ENDED: N_("Your session was ended by an administrator of your clinic."),
}


def unread_notices() -> list[Notice]:
    """What the page has to tell whoever asks, the newest first, and one more than it shows; nothing
    to those who have to set up a second factor first.

    Asks the database only when there is something, and never fails: error pages use it, too.
    """
    asking: Principal | None = g.get("principal")
    if asking is None or not asking.has_notices or second_factor.is_missing(asking):
        return []
    try:
        return services().store.unread_notices(asking.id, asking.session_id, SHOWN + 1)
    except DBAPIError as error:
        log.warning("What somebody has to be told was not read (%s)", type(error.orig).__name__)
        return []


def notice_text(notice: Notice) -> str:
    """What happened, without when, where and by whom."""
    match notice.kind:
        case NoticeKind.FAILED_PASSWORD:
            return ngettext(
                "%(num)s attempt to sign in as you with a wrong password.",
                "%(num)s attempts to sign in as you with a wrong password.",
                notice.times,
            )
        case NoticeKind.FAILED_CODE:
            return ngettext(
                "%(num)s attempt to sign in with your password and a wrong code.",
                "%(num)s attempts to sign in with your password and a wrong code.",
                notice.times,
            )
        case NoticeKind.ROLES_CHANGED:
            roles = ", ".join(map(_, notice.detail.split()))
            return _("Your roles were changed. They are now: %(roles)s.", roles=roles)
        case NoticeKind.TOKEN_CREATED:
            return _("An access token was created: %(token)s", token=notice.detail)
        case NoticeKind.TOKEN_REVOKED:
            return _("An access token was revoked: %(token)s", token=notice.detail)
    return _(TEXTS[notice.kind])


def notice_by(notice: Notice) -> str:
    """Who did it, "" for attempts and sign-ins of which nobody knows."""
    if notice.kind in (NoticeKind.FAILED_PASSWORD, NoticeKind.FAILED_CODE, NoticeKind.NEW_PLACE):
        return ""
    if not notice.by:
        return _("whoever runs this server")
    return _("you") if notice.by == g.principal.name else notice.by
