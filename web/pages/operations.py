"""The whole system, for its operators: workers and numbers of all clinics, none of their X-rays."""

from apiflask import APIBlueprint
from flask import render_template

from web.auth.permissions import permits
from web.language.words import REASONS
from web.services import services
from web.showing.operations import REASONS_OF_DAYS, operations
from worker.access import Scope

blueprint = APIBlueprint("operations", __name__, enable_openapi=False)

UNITS = (("d", 86_400), ("h", 3600), ("min", 60))


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
    )


def age(seconds: float) -> str:
    """7500 → "2 h 5 min", 42 → "42 s"."""
    left, parts = max(0, int(seconds)), []
    for unit, size in UNITS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2]) or f"{left} s"
