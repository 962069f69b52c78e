"""The links in the head of every page: those that whoever asks may follow."""

from flask import current_app

from web.auth.permissions import scopes_of_route
from worker.access import Principal, Scope

HOME = "pages.home"
LINKS = (
    *((HOME, "Worklist"), ("reading.model", "Model"), ("operations.show", "Operations")),
    *(("access.show", "People"), ("clinic_settings.show", "Settings"), ("audit.entries", "Audit")),
    *(("reading.help_page", "Help"), ("docs.docs", "API")),
)


def page_links(asking: Principal) -> list[tuple[str, str]]:
    """Endpoints and names, in order."""
    return [(endpoint, name) for endpoint, name in LINKS if _may_follow(asking, endpoint)]


def _may_follow(asking: Principal, endpoint: str) -> bool:
    if endpoint == HOME:  # sends those who have no worklist elsewhere
        return asking.may(Scope.READ, Scope.UPLOAD)
    return asking.may(*scopes_of_route(current_app, endpoint))
