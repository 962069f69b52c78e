"""What an entry of the audit trail says, in words for admins and operators."""

from collections.abc import Callable, Iterator

from web.language.asked import N_, _, ngettext
from web.language.words import KEPT_KINDS, REASONS
from worker.audit import AuditEvent

# What was asked for, by the `route` of the entry.
DEEDS = {
    "access.create_token": N_("Create an access token"),
    "access.disable": N_("Disable a person"),
    "access.enable": N_("Enable a person again"),
    "access.end_session": N_("End a session of somebody in the clinic"),
    "access.invite": N_("Invite a person"),
    "access.password_link": N_("Make a link for a new password"),
    "access.reset_second_factor": N_("Reset a person's second factor"),
    "access.revoke_token": N_("Revoke an access token"),
    "access.set_roles": N_("Change a person's roles"),
    "access.show": N_("See people and tokens"),
    "account.begin_second_factor": N_("Begin to add a second factor"),
    "account.change_password": N_("Change the password"),
    "account.confirm_second_factor": N_("Add a second factor"),
    "account.end_other_sessions": N_("End all other sessions"),
    "account.end_session": N_("End a session"),
    "account.read_notices": N_("Dismiss news of the account"),
    "account.remove_second_factor": N_("Remove the second factor"),
    "account.renew_recovery_codes": N_("Make new recovery codes"),
    "account.second_factor_required": N_("See that a second factor is required"),
    "account.show": N_("See the account"),
    "audit.entries": N_("See the audit trail"),
    "audit.of_all": N_("See the audit trail of all clinics"),
    "clinic_settings.hold": N_("Hold a job"),
    "clinic_settings.release": N_("Release a job that was held"),
    "clinic_settings.set_profile": N_("Change what files keep of the patient"),
    "clinic_settings.set_retention": N_("Change how long things are kept"),
    "clinic_settings.set_second_factor": N_("Change whether a second factor is required"),
    "clinic_settings.show": N_("See the clinic's settings"),
    "docs.docs": N_("Read the documentation of the API"),
    "docs.script": N_("Read the documentation of the API"),
    "docs.style": N_("Read the documentation of the API"),
    "exports.results_csv": N_("Export the results of a job as CSV"),
    "exports.results_json": N_("Export the results of a job as JSON"),
    "exports.results_of_clinic_csv": N_("Export results of the clinic as CSV"),
    "images.attention_grid": N_("See an attention map"),
    "images.attention_picture": N_("See an attention map"),
    "images.cancel_images": N_("Cancel images"),
    "images.classify_anyway": N_("Classify an image that was rejected"),
    "images.delete_image": N_("Delete an image"),
    "images.delete_images": N_("Delete images"),
    "images.film": N_("See an X-ray"),
    "images.get_image": N_("See an image with its result"),
    "images.list_images_of_clinic": N_("See the clinic's list of images"),
    "images.list_maps": N_("See the maps of an image"),
    "images.map_grid": N_("See a map"),
    "images.map_picture": N_("See a map"),
    "images.original_name": N_("See the original name of a file"),
    "images.place": N_("Go through a list of images"),
    "images.preview": N_("See an X-ray"),
    "images.retry_images": N_("Retry images"),
    "images.small_preview": N_("See an X-ray"),
    "images.tally_clinic": N_("See how many images there are"),
    "jobs.cancel_job": N_("Cancel a job"),
    "jobs.change_job": N_("Change the name or the urgency of a job"),
    "jobs.delete_job": N_("Delete a job"),
    "jobs.get_job": N_("See a job"),
    "jobs.list_images": N_("See the images of a job"),
    "jobs.list_jobs": N_("See the list of jobs"),
    "jobs.resume_job": N_("Resume a job"),
    "jobs.retry_job": N_("Retry the failed images of a job"),
    "jobs.tally_job": N_("See how many images a job has"),
    "operations.retry": N_("Retry what failed for one reason"),
    "operations.show": N_("See the state of the system"),
    "operations_api.get_operations": N_("See the state of the system"),
    "operations_api.retry": N_("Retry what failed for one reason"),
    "pages.distribution": N_("See the results of a job"),
    "pages.home": N_("See the list of jobs"),
    "pages.image": N_("See an image with its result"),
    "pages.images": N_("See the clinic's list of images"),
    "pages.job": N_("See a job"),
    "reading.help_page": N_("Read the help"),
    "reading.model": N_("Read about the model"),
    "reports.image_report": N_("Export the report of an image"),
    "reports.job_report": N_("Export the report of a job"),
    "resumable.append": N_("Upload X-rays"),
    "resumable.begin": N_("Upload X-rays"),
    "resumable.delete": N_("Give up an upload"),
    "resumable.offset": N_("Go on with an upload"),
    "resumable.options": N_("Ask how uploads are taken"),
    "reviews.change_blind": N_("Change whether a job is read blind"),
    "reviews.change_readers": N_("Change who reads a job"),
    "reviews.list_job_reviews": N_("See the reviews of a job"),
    "reviews.list_reviews": N_("See the reviews of an image"),
    "reviews.progress": N_("See how far the readers are"),
    "reviews.review": N_("Review an image"),
    "reviews.take_back": N_("Take a review back"),
    "saved_views.remove": N_("Remove a saved view"),
    "saved_views.save": N_("Save a view"),
    "tokens.create_token": N_("Create an access token"),
    "tokens.list_tokens": N_("See access tokens"),
    "tokens.revoke_token": N_("Revoke an access token"),
    "upload.add_images": N_("Upload X-rays"),
    "upload.close_job": N_("Close a job"),
    "upload.create_job": N_("Upload X-rays"),
}
# What commands, and the system by itself, note as `what`; a route says the same where there is one.
OTHER_DEEDS = {
    "hold_job": DEEDS["clinic_settings.hold"],
    "release_job": DEEDS["clinic_settings.release"],
    "second_factor_reset": DEEDS["access.reset_second_factor"],
    "invitation": DEEDS["access.invite"],
    "sign_in_link": N_("Make a link to sign in with"),
    "token_replaced": N_("The configured access token was replaced"),
    "original_names": N_("See the original names of files"),
    "pseudonyms": N_("See who is behind the pseudonyms"),
    "files_encrypted": N_("Encrypt the stored files"),
    "files": N_("X-rays were kept for their time"),
    "pictures": N_("Small pictures were kept for their time"),
    "maps": N_("Maps were kept for their time"),
    "job": N_("The job was kept for its time"),
}
ASKED = ("route", "what")
REFUSALS = {401: N_("not signed in"), 403: N_("not permitted")}
LINKS = {
    "sign_in": N_("with a link that works once"),
    "invitation": N_("with an invitation"),
    "password": N_("with a link for a new password"),
}
# The rest of an entry's detail, by name.
VALUES: dict[str, Callable[[object], str]] = {
    "status": lambda status: _(REFUSALS.get(status, str(status))),
    "token": lambda number: _("token %(number)s", number=number),
    "person": lambda number: _("person %(number)s", number=number),
    "session": lambda number: _("session %(number)s", number=number),
    "roles": lambda roles: _("roles: %(roles)s", roles=roles.replace(" ", ", ")),
    "link": lambda purpose: _(LINKS[purpose]),
    "scopes": lambda scopes: _("scopes: %(scopes)s", scopes=scopes.replace(" ", ", ")),
    "loaded": lambda _when: _("loaded ahead by the viewer"),
    "second_factor": lambda _kind: _("with a recovery code"),
    "second_factor_required": lambda required: _("required: %(answer)s", answer=_(required)),
    "patient_data": lambda profile: _(profile.capitalize()),
    "hides_text": lambda hides: _("text in pictures is hidden: %(answer)s", answer=_(hides)),
    "reason": lambda code: _(REASONS.get(code, code)).removesuffix("."),
    "images": lambda count: ngettext("%(num)s image", "%(num)s images", count),
    "files": lambda count: ngettext("%(num)s file", "%(num)s files", count),
    "key": lambda name: _("key %(name)s", name=name),
    "times": lambda count: ngettext("%(num)s time", "%(num)s times", count),
    **{
        f"keep_{kind}_days": lambda days, name=name, whole=whole: f"{_(name)}: {_days(days, whole)}"
        for kind, name, whole in KEPT_KINDS
    },
}


def described(event: AuditEvent) -> str:
    """The detail of an entry: what was asked for, then how, to what, how often."""
    return ", ".join(dict.fromkeys(_parts(event)))


def _parts(event: AuditEvent) -> Iterator[str]:
    # What was asked for comes first.
    for name, value in sorted(event.detail.items(), key=lambda item: item[0] not in ASKED):
        if name == "route":
            yield (
                _(DEEDS[value]) if value in DEEDS else _("Something else (%(route)s)", route=value)
            )
        elif name == "what":
            yield _(OTHER_DEEDS.get(value, value))
        else:
            yield VALUES[name](value) if name in VALUES else f"{name}: {value}"


def _days(days: object, whole: str) -> str:
    return _(whole) if days == "all" else ngettext("%(num)s day", "%(num)s days", int(days))
