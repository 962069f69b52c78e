"""Several images at once."""

from flask import g

from web.api.images.shared import blueprint
from web.api.inputs.images import ImagesBody
from web.api.openapi import HELD
from web.api.records.images import Changed
from web.auth.permissions import permits
from web.auth.requests import clinic_id
from web.services import services
from worker.access import Scope
from worker.files import removal


@blueprint.post("/images/retry")
@permits(Scope.UPLOAD)
@blueprint.input(ImagesBody, location="json", arg_name="body")
@blueprint.output(Changed)
def retry_images(body):
    """Try several failed images again

    Those of the images that failed wait again; all others stay as they are. 429 when with them too
    many images of the clinic would wait.
    """
    here = services()
    changed = here.store.retry_images(clinic_id(), body.images, here.settings.max_waiting_images)
    here.dispatcher.wake(changed)
    return Changed(changed=changed).json_response


@blueprint.post("/images/cancel")
@permits(Scope.UPLOAD)
@blueprint.input(ImagesBody, location="json", arg_name="body")
@blueprint.output(Changed)
def cancel_images(body):
    """Cancel several waiting images

    Those of the images that wait are cancelled; what a worker has in hand is finished.
    """
    return Changed(changed=services().store.cancel_images(clinic_id(), body.images)).json_response


@blueprint.post("/images/delete")
@permits(Scope.DELETE)
@blueprint.input(ImagesBody, location="json", arg_name="body")
@blueprint.doc(responses=HELD)
@blueprint.output(Changed)
def delete_images(body):
    """Delete several images

    With their results, reviews and files; `changed` is how many of them there were. This cannot be
    undone.
    """
    here = services()
    g.concerned_image_ids = tuple(body.images)
    deleted = removal.delete_images(here.store, here.files, clinic_id(), body.images)
    return Changed(changed=deleted).json_response
