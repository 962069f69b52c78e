"""The links in the head of every page: those that whoever asks may follow."""

from flask import current_app

from web.auth import second_factor
from web.auth.permissions import scopes_of_route
from web.language.asked import N_, _
from worker.access import Principal, Scope

HOME = "pages.home"
LINKS = (
    *(
        (HOME, N_("Worklist")),
        ("reading.model", N_("Model")),
        ("operations.show", N_("Operations")),
    ),
    *(
        ("access.show", N_("People")),
        ("clinic_settings.show", N_("Settings")),
        ("audit.entries", N_("Audit")),
    ),
    *(("reading.help_page", N_("Help")), ("docs.docs", N_("API"))),
)


def page_links(asking: Principal) -> list[tuple[str, str]]:
    """Endpoints and names, in order; none for those who have to set up a second factor first."""
    if second_factor.is_missing(asking):
        return []
    return [(endpoint, _(name)) for endpoint, name in LINKS if _may_follow(asking, endpoint)]


def _may_follow(asking: Principal, endpoint: str) -> bool:
    if endpoint == HOME:  # sends those who have no worklist elsewhere
        return asking.may(Scope.READ, Scope.UPLOAD)
    return asking.may(*scopes_of_route(current_app, endpoint))
