"""The pages for people. Data comes to them through the REST API; these are the frames."""

from apiflask import APIBlueprint
from flask import redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from model import DISCLAIMER
from web.api.records import Image, Job
from web.auth.requests import (
    check_page_request,
    check_same_site,
    clinic_id,
    local_path,
    open_session,
)
from web.labels import label_name
from web.services import services
from worker.intake.sorting import MEGABYTE
from worker.records import ImageStatus

blueprint = APIBlueprint("pages", __name__, enable_openapi=False)

STATUS_NAMES = {status.value: status.value.capitalize() for status in ImageStatus}
UNCERTAIN_MEANS = (
    "The highest probability is below this model's limit for a reliable answer: look for yourself."
)
OPEN_TO_ALL = {"pages.sign_in", "pages.enter"}


@blueprint.before_request
def _check() -> Response | None:
    return None if request.endpoint in OPEN_TO_ALL else check_page_request()


@blueprint.app_context_processor
def _words() -> dict[str, object]:
    """What every template may use."""
    return {
        "disclaimer": DISCLAIMER,
        "label_name": label_name,
        "map_url": _map_url,
        "signed_in": "clinic_id" in session,
        "status_names": STATUS_NAMES,
        "uncertain_means": UNCERTAIN_MEANS,
    }


def _map_url(image_id: int, name: str) -> str:
    """Of the map without the X-ray, which the page lays over the X-ray."""
    return url_for("images.map_picture", image_id=image_id, name=name, opacity=1)


@blueprint.app_template_filter("file_size")
def file_size(size_bytes: int) -> str:
    """123456 → "123 kB"."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= size:
            return f"{size_bytes / size:.{0 if size_bytes >= 100 * size else 1}f} {unit}"
    return f"{size_bytes} B"


@blueprint.get("/sign-in")
def sign_in():
    """With `?token=` (the link that `cxr up` prints) sign in at once; the token leaves the URL."""
    wanted = local_path(request.args.get("next"))
    token = request.args.get("token")
    if token is not None and open_session(token):
        return redirect(wanted)
    return render_template("sign_in.html", wanted=wanted, refused=token is not None)


@blueprint.post("/sign-in")
def enter():
    check_same_site()
    wanted = local_path(request.form.get("next"))
    if open_session(request.form.get("token", "")):
        return redirect(wanted, code=303)
    return render_template("sign_in.html", wanted=wanted, refused=True), 403


@blueprint.post("/sign-out")
def sign_out():
    session.clear()
    return redirect(url_for("pages.sign_in"), code=303)


@blueprint.get("/")
def home():
    settings = services().settings
    return render_template(
        "home.html",
        max_bytes=settings.max_upload_mb * MEGABYTE,
        max_images=settings.max_job_images,
    )


@blueprint.get("/jobs/<int:job_id>")
def job(job_id: int):
    found = services().store.job(clinic_id(), job_id)
    return render_template("job.html", job=Job.of(found), finished=found.counts.finished)


@blueprint.get("/images/<int:image_id>")
def image(image_id: int):
    store = services().store
    image = store.image(clinic_id(), image_id)
    job = store.job(clinic_id(), image.job_id)
    # The filter of the job's page: previous and next go through what was chosen there.
    asked = request.args
    chosen = {
        "status": asked.get("status", type=ImageStatus),
        "label": asked["label"] if asked.get("label") in job.labels else None,
    }
    previous, following = store.neighbours(clinic_id(), image_id, **chosen)
    return render_template(
        "image.html",
        chosen={name: wanted for name, wanted in chosen.items() if wanted},
        image=Image.of(image),
        job=job,
        maps=store.maps(clinic_id(), image_id),
        has_file=image.file_key is not None,
        previous=previous,
        following=following,
    )
