"""One image: its result, its picture, and its attention map."""

from apiflask import APIBlueprint
from flask import Response, jsonify

from web import pictures as overlays
from web.api.caching import conditional, etag_of
from web.api.openapi import NOT_MODIFIED
from web.api.schemas import Attention, Image, OverlayQuery, PictureQuery
from web.api.shapes import attention_json, image_json
from web.auth.requests import check_api_request, clinic_id
from web.services import services
from worker.records import ImageRecord

blueprint = APIBlueprint("images", __name__, tag="Images")
blueprint.before_request(check_api_request)

PNG = {"type": "string", "format": "binary"}
NO_MAP = {
    404: "No such image, or it was refused and has no map.",
    409: "The image is not classified yet.",
}
NO_PICTURE = {422: "The file cannot be shown, or a parameter is out of range."}


@blueprint.get("/images/<int:image_id>")
@blueprint.doc(responses=NOT_MODIFIED)
@blueprint.output(Image)
def get_image(image_id):
    """Get an image's result"""
    image = services().store.image(clinic_id(), image_id)
    return conditional(_tag(image, "result"), lambda: jsonify(image_json(image)))


@blueprint.get("/images/<int:image_id>/preview.png")
@blueprint.input(PictureQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED | NO_PICTURE)
@blueprint.output(PNG, content_type="image/png")
def preview(image_id, query):
    """Get the X-ray as PNG, whatever it was uploaded as"""
    image = services().store.image(clinic_id(), image_id)
    tag = etag_of(image.id, image.file_key, query["longest"])
    return conditional(tag, lambda: _png(overlays.preview(image, query["longest"])))


@blueprint.get("/images/<int:image_id>/attention.png")
@blueprint.input(OverlayQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED | NO_PICTURE | NO_MAP)
@blueprint.output(PNG, content_type="image/png")
def attention_picture(image_id, query):
    """Get the attention map over the X-ray

    Where the network looked for its answer; not where a finding is.
    """
    image = services().store.image(clinic_id(), image_id)
    return conditional(
        _tag(image, query["longest"], query["opacity"]),
        lambda: _png(overlays.attention(image, query["opacity"], query["longest"])),
    )


@blueprint.get("/images/<int:image_id>/attention.json")
@blueprint.doc(responses=NOT_MODIFIED | NO_MAP)
@blueprint.output(Attention)
def attention_grid(image_id):
    """Get the attention map as numbers"""
    image = services().store.image(clinic_id(), image_id)
    return conditional(
        _tag(image, "grid"),
        lambda: jsonify(attention_json(overlays.attention_of(image), image.result.model)),
    )


def _tag(image: ImageRecord, *more: object) -> str:
    return etag_of(
        image.id,
        image.file_key,
        image.status,
        image.attempts,
        image.finished_at,
        image.result.model if image.result else None,
        *more,
    )


def _png(content: bytes) -> Response:
    return Response(content, mimetype="image/png")
