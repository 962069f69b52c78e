"""What the modules about images share."""

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response

from web.api.caching import etag_of
from web.auth.requests import clinic_id
from web.services import services
from web.showing import pictures
from web.showing.blind import viewer
from worker.records.images import ImageRecord

blueprint = APIBlueprint("images", __name__, tag="Images")

PNG = FileSchema()
NO_PICTURE = {
    404: "No such image, or its file cannot be shown.",
    422: "A parameter is out of range.",
    503: "The picture is being drawn, or too many are. `Retry-After` tells when to ask again.",
}


def shown_image(image_id: int) -> ImageRecord:
    """An image as whoever asks may see it. Raises NotFound."""
    (image,) = viewer().without_hidden([services().store.image(clinic_id(), image_id)])
    return image


def tag_of(image: ImageRecord, *more: object) -> str:
    """ETag of what is shown of an image; `more`: which part of it."""
    return etag_of(
        image.id,
        image.file_key or image.picture_key,
        image.status,
        image.attempts,
        image.finished_at,
        image.result.model if image.result else None,
        pictures.hidden_text(image),
        *more,
    )


def png(content: bytes) -> Response:
    return Response(content, mimetype="image/png")
