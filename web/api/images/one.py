"""One image: its result, and what can be done with it."""

from flask import g

from web.api.caching import conditional
from web.api.images.shared import blueprint, shown_image, tag_of
from web.api.openapi import HELD, NOT_MODIFIED
from web.api.records.images import Image, OriginalName
from web.auth.permissions import permits
from web.auth.requests import asking_name, clinic_id
from web.services import services
from worker.access import Scope
from worker.errors import NotFound
from worker.files import removal


@blueprint.get("/images/<int:image_id>")
@permits(Scope.READ)
@blueprint.doc(responses=NOT_MODIFIED)
@blueprint.output(Image)
def get_image(image_id):
    """Get an image's result"""
    image = shown_image(image_id)
    return conditional(tag_of(image, "result"), lambda: Image.of(image).json_response)


@blueprint.delete("/images/<int:image_id>")
@permits(Scope.DELETE)
@blueprint.doc(responses=HELD)
@blueprint.output({}, status_code=204, description="The image is gone.")
def delete_image(image_id):
    """Delete an image

    With its result, reviews and files, also while a worker has it in hand. Its job stays. This
    cannot be undone.
    """
    here = services()
    g.concerned_job_id = here.store.image(clinic_id(), image_id).job_id
    removal.delete_images(here.store, here.files, clinic_id(), [image_id])
    return "", 204


@blueprint.get("/images/<int:image_id>/original-name")
@permits(Scope.ADMIN)
@blueprint.doc(responses={404: "No such image, or it has the name that its sender gave it."})
@blueprint.output(OriginalName)
def original_name(image_id):
    """Get the name that the sender gave a file

    Where the clinic's profile replaces file names, which may hold patient data.
    """
    store = services().store
    store.image(clinic_id(), image_id)
    name = store.original_name(clinic_id(), image_id)
    if name is None:
        raise NotFound(f"Image {image_id} has the name that its sender gave it, or none is kept.")
    return OriginalName(image_id=image_id, original_name=name).json_response


@blueprint.post("/images/<int:image_id>/classify-anyway")
@permits(Scope.REVIEW)
@blueprint.doc(
    responses={
        409: "The image was not rejected, or not as being no frontal chest X-ray; or its file is "
        "not kept any more."
    }
)
@blueprint.output(Image)
def classify_anyway(image_id):
    """Classify an image that the gate refused

    For a frontal chest X-ray that was not taken for one. It waits again, and is passed this time.
    Who asked for it, and why it had been refused, is kept in `waiver`, also in every export.
    """
    here = services()
    waiting = here.store.classify_anyway(
        clinic_id(), image_id, asking_name(), here.settings.max_waiting_images
    )
    here.dispatcher.wake(waiting)
    return Image.of(here.store.image(clinic_id(), image_id)).json_response
