"""Views of the list of images that somebody keeps: by name, for themselves, in any browser."""

from urllib.parse import parse_qsl, urlencode

from apiflask import APIBlueprint
from flask import redirect, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from web.api.inputs.images import ListPageQuery
from web.auth.permissions import permits
from web.auth.requests import principal
from web.errors import InvalidForm
from web.language.asked import _
from web.services import services
from worker.access import Scope
from worker.store.accounts.saved_views import MAX_NAME, MAX_QUERY

blueprint = APIBlueprint("saved_views", __name__, enable_openapi=False, url_prefix="/images/views")

PAGING = ("cursor", "offset", "limit")


def query_of(wanted: ListPageQuery) -> str:
    """What of an address says which images are listed, in what order."""
    return urlencode({k: v for k, v in wanted.address.items() if k not in PAGING})


@blueprint.post("")
@permits(Scope.READ)
def save():
    """The view that the form names; one of the same name is replaced."""
    name = " ".join(request.form.get("name", "").split())
    query = _sent_query()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidForm(
            _("Give the view a name of at most %(number)s characters.", number=MAX_NAME)
        )
    if query is None or len(query) > MAX_QUERY:
        raise InvalidForm(_("This view cannot be saved: its filter is not one of this page."))
    services().store.save_view(principal(), name, query)
    return _back(query)


@blueprint.post("/<int:view_id>/remove")
@permits(Scope.READ)
def remove(view_id: int):
    services().store.remove_view(principal(), view_id)
    return _back(_sent_query() or "")


def _sent_query() -> str | None:
    """The filter that the reader looks at, as the form sends it; None when it is not one."""
    sent = dict(parse_qsl(request.form.get("query", "").removeprefix("?")))
    try:
        return query_of(ListPageQuery.model_validate(sent))
    except ValidationError:
        return None


def _back(query: str) -> Response:
    return redirect(url_for("pages.images") + (f"?{query}" if query else ""), 303)
