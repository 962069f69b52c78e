"""The whole system, for its operators: workers and numbers of all clinics, none of their X-rays."""

from apiflask import APIBlueprint
from flask import render_template

from web.auth.permissions import permits
from web.services import services
from worker.access import Scope

blueprint = APIBlueprint("system", __name__, enable_openapi=False)


@blueprint.get("/system")
@permits(Scope.OPERATE)
def show():
    here = services()
    return render_template(
        "system.html",
        clinics=here.store.clinics_overview(),
        state=here.readiness.state(),
        workers=here.store.workers_up(),
    )
