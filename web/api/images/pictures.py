"""The X-ray as a picture."""

from apiflask.schemas import FileSchema
from flask import Response

from web.api.caching import conditional, etag_of
from web.api.images.shared import NO_PICTURE, PNG, blueprint, png
from web.api.inputs.pictures import PictureQuery, SmallPictureQuery
from web.api.openapi import NOT_MODIFIED
from web.auth.permissions import permits
from web.auth.requests import clinic_id
from web.services import services
from web.showing import pictures
from worker.access import Scope
from worker.records.images import ImageRecord

JPEG = FileSchema()


@blueprint.get("/images/<int:image_id>/preview.png")
@permits(Scope.READ)
@blueprint.input(PictureQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED | NO_PICTURE)
@blueprint.output(PNG, content_type="image/png")
def preview(image_id, query):
    """Get the X-ray as PNG, whatever it was uploaded as

    Up to 512 pixels it comes at once; a larger one is drawn when it is first asked for.
    """
    image = services().store.image(clinic_id(), image_id)
    tag = _tag_of(image, query.max_side)
    return conditional(tag, lambda: png(pictures.preview(image, query.max_side)))


@blueprint.get("/images/<int:image_id>/preview.jpg")
@permits(Scope.READ)
@blueprint.input(SmallPictureQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED | NO_PICTURE)
@blueprint.output(JPEG, content_type="image/jpeg")
def small_preview(image_id, query):
    """Get the X-ray as a small JPEG

    As a worker saved it with the result, up to 1,024 pixels a side: the quickest look.
    """
    image = services().store.image(clinic_id(), image_id)
    tag = _tag_of(image, "small", query.max_side)

    def make() -> Response:
        return Response(pictures.small_preview(image, query.max_side), mimetype="image/jpeg")

    return conditional(tag, make)


@blueprint.get("/images/<int:image_id>/film.png")
@permits(Scope.READ)
@blueprint.doc(responses=NOT_MODIFIED | NO_PICTURE)
@blueprint.output(PNG, content_type="image/png")
def film(image_id):
    """Get the X-ray at full resolution, with all its grey values

    A grey PNG of 8 or 16 bits, bright where the body is dense, up to 5,000 pixels a side. Its
    contrast is the file's: the text chunk `window` says which part of the range (0 to 1) to show,
    and `file_window`, where the file has a window of its own, what that is.
    """
    image = services().store.image(clinic_id(), image_id)
    tag = _tag_of(image, "film")
    return conditional(tag, lambda: png(pictures.film(image)))


def _tag_of(image: ImageRecord, *more: object) -> str:
    """Another one once text is hidden: a browser must not keep the picture that shows it."""
    return etag_of(image.id, image.file_key, pictures.hidden_text(image), *more)
