"""A clinic's settings, for its admins: what is kept of patients, how long; how people sign in."""

from dataclasses import fields

from apiflask import APIBlueprint
from flask import g, render_template, request
from werkzeug.wrappers import Response

from web.auth.permissions import permits
from web.auth.requests import clinic_id
from web.errors import InvalidForm
from web.language.asked import _
from web.language.words import KEPT_KINDS
from web.pages.frame.forms import done
from web.services import services
from worker.access import PersonRecord, Scope
from worker.patient_data import PROFILE_MEANS, Profile
from worker.records.clinics import MAX_KEPT_DAYS, Retention

blueprint = APIBlueprint("clinic_settings", __name__, enable_openapi=False, url_prefix="/settings")

MAX_ID = 2**63 - 1


@blueprint.get("")
@permits(Scope.ADMIN)
def show():
    return _page()


@blueprint.post("/patient-data")
@permits(Scope.ADMIN)
def set_profile():
    try:
        profile = Profile(request.form.get("profile", ""))
    except ValueError:
        raise InvalidForm(
            _(
                "The field `%(field)s` must be one of %(allowed)s.",
                field="profile",
                allowed=", ".join(Profile),
            )
        ) from None
    hide_text = "hide_text" in request.form
    g.audit_detail = services().store.set_profile(clinic_id(), profile, hide_text).as_detail()
    return done(_("The profile is set. It applies to uploads from now on."))


@blueprint.post("/retention")
@permits(Scope.ADMIN)
def set_retention():
    try:
        keeps = Retention(*(_days(f"keep_{kind.name}") for kind in fields(Retention)))
    except ValueError as error:
        raise InvalidForm(str(error)) from None
    services().store.set_retention(clinic_id(), keeps)
    g.audit_detail = keeps.as_detail()
    return done(_("What is kept, and for how long, is set."))


@blueprint.post("/second-factor")
@permits(Scope.ADMIN)
def set_second_factor():
    required = "required" in request.form
    services().store.require_second_factor(clinic_id(), required)
    g.audit_detail = {"second_factor_required": "yes" if required else "no"}
    if required:
        return done(_("A second factor is required from now on."))
    return done(_("A second factor is everybody's own choice from now on."))


@blueprint.post("/holds")
@permits(Scope.ADMIN)
def hold():
    job_id = _number("job_id", MAX_ID)
    if job_id is None:
        raise InvalidForm(_("The field `job_id` must be the number of a job."))
    services().store.hold_job(clinic_id(), job_id)
    return _changed_hold(job_id, "hold_job", _("Job %(number)s is held.", number=job_id))


@blueprint.post("/holds/<int:job_id>/release")
@permits(Scope.ADMIN)
def release(job_id: int):
    services().store.release_job(clinic_id(), job_id)
    return _changed_hold(job_id, "release_job", _("Job %(number)s is released.", number=job_id))


def _changed_hold(job_id: int, what: str, said: str) -> Response:
    g.concerned_job_id = job_id
    g.audit_detail = {"what": what}
    return done(said)


def _days(field: str) -> int | None:
    return _number(field, MAX_KEPT_DAYS)


def _number(field: str, most: int) -> int | None:
    """Of a field of the form; None when it is empty. Raises InvalidForm."""
    text = request.form.get(field, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) > most:
        raise InvalidForm(
            _(
                "The field `%(field)s` must be a whole number from 0 to %(most)s.",
                field=field,
                most=most,
            )
        )
    return int(text)


def _page() -> str:
    store = services().store
    return render_template(
        "clinic_settings.html",
        rule=store.patient_data_rule(clinic_id()),
        profiles=PROFILE_MEANS,
        keeps=store.retention(clinic_id())[0].keeps,
        kinds=KEPT_KINDS,
        factor_required=store.second_factor_required(clinic_id()),
        factor_required_by_server=services().settings.require_second_factor,
        without_factor=sum(map(_needs_factor, store.people(clinic_id()))),
        held=store.held_jobs(clinic_id()),
        max_days=MAX_KEPT_DAYS,
    )


def _needs_factor(person: PersonRecord) -> bool:
    """Whether a second factor, once required, is one that this person has to set up."""
    return person.has_password and not person.has_second_factor and person.disabled_at is None
