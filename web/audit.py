"""The audit trail of requests: all leave an entry, except those that are named here.

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
# Counts of a whole job or clinic tell of nobody; a filter may leave one film, and its result.
ENTRY_WHEN_FILTERED = {"images.tally_clinic", "jobs.tally_job"}
# Pieces of an upload have one entry, when its job has taken it.
ENTRY_WHEN_TAKEN = {"resumable.append", "resumable.begin"}
# Of whom or what an address speaks besides, by their numbers.
CONCERNED = ("person_id", "token_id", "session_id")
# Forms in which somebody could look for names.
GUESSED_AT = {"sign_in.enter", "sign_in.enter_code"}
DONE = range(200, 304)  # a form that was taken leads to another page
REFUSED = {401, 403}


def record(response: Response) -> Response:
    """The answer, once its entry is written; 503 for what may not be shown without one."""
    event = _event(response)
    if event is None:
        return response
    if event.action is Action.REFUSED and request.endpoint in GUESSED_AT:
        _write_afterwards(event, response)
        return response
    try:
        _write(_with_job(event))
    except DBAPIError as error:
        log.error("No entry in the audit trail (%s)", type(error.orig).__name__)
        if event.action in (Action.VIEWED, Action.EXPORTED):
            response.close()
            return problem(503, "database_unavailable", NO_DATABASE, {"Retry-After": "5"})
    return response


def _event(response: Response) -> AuditEvent | None:
    """The entry, still without the job of an image; None for what leaves none. Asks no database,
    which may just be lost."""
    if "signed_in" in g:
        return _of(Action.SIGNED_IN, by(g.signed_in), detail=g.get("audit_detail", {}))
    if g.get("signed_out"):
        return _of(Action.SIGNED_OUT, by(g.signed_out))
    if response.status_code in REFUSED:
        return _refusal(response.status_code)
    if response.status_code not in DONE or _leaves_no_entry(response):
        return None
    usual = Action.VIEWED if request.method in SAFE_METHODS else Action.CHANGED
    action = ACTIONS.get(request.endpoint, usual)
    job_id = request.view_args.get("job_id") or g.get("concerned_job_id")
    image_id = request.view_args.get("image_id")
    # Of a view the job and the image say enough.
    says_enough = action is Action.VIEWED and (job_id or image_id)
    route = {} if says_enough else {"route": request.endpoint}
    is_ahead = action is Action.VIEWED and image_id is not None and _is_ahead()
    return _of(
        action,
        by(g.principal),
        job_id=job_id,
        image_ids=g.get("concerned_image_ids", ()) if image_id is None else (image_id,),
        detail=_detail(route | ({"loaded": "ahead"} if is_ahead else {})),
    )


def _leaves_no_entry(response: Response) -> bool:
    return (
        request.endpoint in WITHOUT_ENTRY
        or (request.endpoint in ENTRY_WHEN_FILTERED and not request.query_string)
        or (request.endpoint in ENTRY_WHEN_TAKEN and "concerned_job_id" not in g)
        or "led_to_set_up" in g
        or g.get("principal") is None  # a form to sign in with
        or "Idempotency-Replayed" in response.headers  # nothing new
    )


def _refusal(status: int) -> AuditEvent:
    """Who is behind it is not looked up again: the database may just have failed."""
    detail = {"status": status, "route": request.endpoint or "none"}
    if "tried_as" in g:  # the clinic sees that somebody tries to be one of its people
        clinic = g.tried_as.clinic
        who = {"clinic_id": clinic.id if clinic else None}
        return _of(Action.REFUSED, who, detail=detail | {"person": g.tried_as.id})
    return _of(Action.REFUSED, by(g.get("principal")), detail=detail)


def _is_ahead() -> bool:
    """The viewer loads the films that come next, which perhaps nobody will look at. They have left
    all the same: their entry says so, and whoever opens one of them asks for its page again."""
    return any("prefetch" in request.headers.get(name, "") for name in ("Purpose", "Sec-Purpose"))


def _detail(how: dict[str, str]) -> dict[str, str | int]:
    """Which route and how, of whom, and what the view adds in `g.audit_detail`."""
    concerned = {
        name.removesuffix("_id"): request.view_args[name]
        for name in CONCERNED
        if name in request.view_args
    }
    return how | concerned | g.get("audit_detail", {})


def _of(action: Action, who: dict[str, object], **fields: object) -> AuditEvent:
    return AuditEvent(action=action, address=(request.remote_addr or "")[:64], **who, **fields)


def _with_job(event: AuditEvent) -> AuditEvent:
    """With the job of the image that the address names. Raises DBAPIError."""
    image_id = (request.view_args or {}).get("image_id")
    if event.job_id is not None or event.image_ids != (image_id,):
        return event
    return replace(event, job_id=services().trail.job_of_image(image_id))


def _write_afterwards(event: AuditEvent, response: Response) -> None:
    """Once the answer has left: names that exist have entries of their own, and how long one takes
    must not say so."""
    trail = services().trail

    def write() -> None:
        try:
            trail.write_once_a_minute(event)
        except DBAPIError as error:
            log.error("No entry in the audit trail (%s)", type(error.orig).__name__)

    response.call_on_close(write)


def _write(event: AuditEvent) -> None:
    """The entry, and those of clinics that it concerns besides. Raises DBAPIError."""
    trail = services().trail
    often = event.action in (Action.VIEWED, Action.REFUSED)
    (trail.write_once_a_minute if often else trail.write)(event)
    for clinic_id, detail in g.get("audit_of_clinics", {}).items():
        of_clinic = {"route": request.endpoint} | detail
        trail.write(replace(event, clinic_id=clinic_id, detail=of_clinic))
