"""Which requests leave an entry in the audit trail: all, but for those that are named here.

What somebody of the whole system changes in clinics is in the trail of each of them, too
(`g.audit_of_clinics`: the detail by clinic). What shows films or results is written before the
answer leaves: without an entry, there is none.
"""

import logging
from dataclasses import replace

from flask import Response, g, request
from sqlalchemy.exc import DBAPIError

from web.auth.requests import SAFE_METHODS
from web.problems import NO_DATABASE, problem
from web.services import services
from worker.audit import Action, AuditEvent, by

log = logging.getLogger(__name__)

# By endpoint. Any other request that reads is a view, and any other that writes is a change.
ACTIONS = {
    "exports.results_csv": Action.EXPORTED,
    "exports.results_json": Action.EXPORTED,
    "exports.results_of_clinic_csv": Action.EXPORTED,
    "reports.image_report": Action.EXPORTED,
    "reports.job_report": Action.EXPORTED,
    "access.create_token": Action.TOKEN_CREATED,
    "access.revoke_token": Action.TOKEN_REVOKED,
    "tokens.create_token": Action.TOKEN_CREATED,
    "tokens.revoke_token": Action.TOKEN_REVOKED,
    "clinic_settings.hold": Action.SETTINGS_CHANGED,
    "clinic_settings.release": Action.SETTINGS_CHANGED,
    "clinic_settings.set_profile": Action.SETTINGS_CHANGED,
    "clinic_settings.set_retention": Action.SETTINGS_CHANGED,
    "clinic_settings.set_second_factor": Action.SETTINGS_CHANGED,
    "upload.create_job": Action.UPLOADED,
    "upload.add_images": Action.UPLOADED,
    "resumable.begin": Action.UPLOADED,
    "resumable.append": Action.UPLOADED,
    "jobs.delete_job": Action.DELETED,
    "images.delete_image": Action.DELETED,
    "images.delete_images": Action.DELETED,
}
# Files, signs of life, forms, and jobs without their results. Signing in has entries of its own.
WITHOUT_ENTRY = {
    "static",
    "openapi.spec",
    "health",
    "ready",
    "pages.home",
    "docs.docs",
    "docs.script",
    "docs.style",
    "reading.help_page",
    "reading.model",
    "account.second_factor_required",
    "account.show",
    "access.show",
    "clinic_settings.show",
    "tokens.list_tokens",
    "operations.show",
    "operations_api.get_operations",
    "images.tally_clinic",
    "jobs.tally_job",
    "sign_in.at_provider",
    "sign_in.enter_code",
    "sign_in.from_provider",
    "audit.entries",
    "language.choose",
    "language.words",
    "jobs.list_jobs",
    "jobs.get_job",
    "sign_in.form",
    "sign_in.enter",
    "sign_in.link",
    "sign_in.follow",
    "sign_in.sign_out",
    "resumable.delete",
    "resumable.offset",
    "resumable.options",
}
# Pieces of an upload have one entry, when its job has taken it.
ENTRY_WHEN_TAKEN = {"resumable.append", "resumable.begin"}
# Of whom or what an address speaks besides, by their numbers.
CONCERNED = ("person_id", "token_id", "session_id")
DONE = range(200, 304)  # a form that was taken leads to another page
REFUSED = {401, 403}


def record(response: Response) -> Response:
    """The answer, once its entry is written; 503 for what may not be shown without one."""
    action = _action(response)
    if action is None:
        return response
    trail = services().trail
    often = action in (Action.VIEWED, Action.REFUSED)
    try:
        event = _event(action, response)
        (trail.write_once_a_minute if often else trail.write)(event)
        for clinic_id, detail in g.get("audit_of_clinics", {}).items():
            route = {"route": request.endpoint}
            trail.write(replace(event, clinic_id=clinic_id, detail=route | detail))
    except DBAPIError as error:
        log.error("No entry in the audit trail (%s)", type(error.orig).__name__)
        if action in (Action.VIEWED, Action.EXPORTED):
            response.close()
            return problem(503, "database_unavailable", NO_DATABASE, {"Retry-After": "5"})
    return response


def _action(response: Response) -> Action | None:
    """What the entry is about; None for what has none. Asks no database, which may just be lost."""
    if "signed_in" in g:
        return Action.SIGNED_IN
    if g.get("signed_out"):
        return Action.SIGNED_OUT
    if response.status_code in REFUSED:
        return Action.REFUSED
    if request.endpoint in WITHOUT_ENTRY or response.status_code not in DONE:
        return None
    if request.endpoint in ENTRY_WHEN_TAKEN and "concerned_job_id" not in g:
        return None
    if "led_to_set_up" in g:
        return None
    if g.get("principal") is None or response.headers.get("Idempotency-Replayed"):
        return None  # a form to sign in with, or nothing new
    usual = Action.VIEWED if request.method in SAFE_METHODS else Action.CHANGED
    return ACTIONS.get(request.endpoint, usual)


def _event(action: Action, response: Response) -> AuditEvent:
    """Raises DBAPIError when the job of an image cannot be looked up."""
    if action is Action.SIGNED_IN:
        return _of(action, **by(g.signed_in), detail=g.get("audit_detail", {}))
    if action is Action.SIGNED_OUT:
        return _of(action, **by(g.signed_out))
    if action is Action.REFUSED:
        route = request.endpoint or "none"
        detail = {"status": response.status_code, "route": route}
        if "tried_as" in g:  # the clinic sees that somebody tries to be one of its people
            clinic = g.tried_as.clinic
            tried = {"clinic_id": clinic.id if clinic else None}
            return _of(action, **tried, detail=detail | {"person": g.tried_as.id})
        return _of(action, **_who(), detail=detail)
    image_id = request.view_args.get("image_id")
    job_id = request.view_args.get("job_id") or g.get("concerned_job_id")
    if image_id is not None and job_id is None:
        job_id = services().trail.job_of_image(image_id)
    return _of(
        action,
        **_who(),
        job_id=job_id,
        image_ids=g.get("concerned_image_ids", ()) if image_id is None else (image_id,),
        detail=_detail(job_id, action),
    )


def _detail(job_id: int | None, action: Action) -> dict[str, str | int]:
    """Which route, unless the job says enough, of whom, and what the view adds in
    `g.audit_detail`."""
    route = {} if job_id and action is Action.VIEWED else {"route": request.endpoint}
    concerned = {
        name.removesuffix("_id"): request.view_args[name]
        for name in CONCERNED
        if name in request.view_args
    }
    return route | concerned | g.get("audit_detail", {})


def _who() -> dict[str, object]:
    """Not looked up again: the database may just have failed."""
    return by(g.get("principal"))


def _of(action: Action, **fields: object) -> AuditEvent:
    return AuditEvent(action=action, address=(request.remote_addr or "")[:64], **fields)
