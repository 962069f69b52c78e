"""The whole system, for its operators: workers, numbers of all clinics, and what failed."""

import re

from apiflask import APIBlueprint
from flask import redirect, render_template, request, url_for

from web.auth.permissions import permits
from web.errors import InvalidForm
from web.language.asked import _
from web.language.words import REASONS
from web.pages.frame.words import age
from web.services import services
from web.showing.operations import REASON_PATTERN, REASONS_OF_DAYS, operations, retry_reason
from worker.access import Scope

blueprint = APIBlueprint("operations", __name__, enable_openapi=False)


@blueprint.get("/operations")
@permits(Scope.OPERATE)
def show():
    found = operations(services())
    return render_template(
        "operations.html",
        now=found,
        age=lambda since: age((found.at - since).total_seconds()),
        reasons_of_days=REASONS_OF_DAYS,
        meanings=REASONS,
        retried=request.args.get("retried", type=int),
        left=request.args.get("left", 0, type=int),
    )


@blueprint.post("/operations/retry")
@permits(Scope.OPERATE)
def retry():
    """Try images again that failed for one reason, of all clinics; each clinic's trail says so."""
    reason = request.form.get("reason", "")
    if not re.fullmatch(REASON_PATTERN, reason):
        raise InvalidForm(_("Choose a reason from the list."))
    found = retry_reason(services(), reason)
    numbers = {"retried": found.waiting.total(), "left": found.left.total() or None}
    return redirect(url_for("operations.show", **numbers), 303)
