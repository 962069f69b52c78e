"""One image: its result, its picture, and the maps of its result."""

from dataclasses import replace

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response, g, url_for

from model.evidence import UNIT, kind_of
from web.api.caching import conditional, etag_of
from web.api.inputs import (
    FilterQuery,
    ImagesBody,
    ImagesQuery,
    OverlayQuery,
    PictureQuery,
    PlaceQuery,
    SmallPictureQuery,
)
from web.api.openapi import NOT_MODIFIED
from web.api.records import (
    Changed,
    Image,
    ImagePage,
    Map,
    MapLinks,
    MapList,
    MapListed,
    MapSummary,
    OriginalName,
    Place,
    Tally,
)
from web.auth.permissions import permits
from web.auth.requests import asking_name, clinic_id
from web.services import services
from web.showing import pictures
from web.showing.blind import viewer
from worker.access import Scope
from worker.errors import NotFound
from worker.intake import removal
from worker.records.images import ImageRecord, MapRecord
from worker.records.images import Place as PlaceRecord
from worker.records.jobs import JobRecord

blueprint = APIBlueprint("images", __name__, tag="Images")

PNG, JPEG = FileSchema(), FileSchema()
HELD = {409: "The job is held until somebody releases it."}
NO_MAP = {
    404: "No such image or map, or the image was refused and has no maps.",
    409: "The image is not classified yet.",
}
NO_PICTURE = {
    404: "No such image, or its file cannot be shown.",
    422: "A parameter is out of range.",
    503: "The picture is being drawn, or too many are. `Retry-After` tells when to ask again.",
}


@blueprint.get("/images")
@permits(Scope.READ)
@blueprint.input(ImagesQuery, location="query", arg_name="query")
@blueprint.output(ImagePage)
def list_images_of_clinic(query):
    """List images across all jobs

    Oldest first, unless `sort` says otherwise.
    """
    return image_page(None, query)


@blueprint.get("/images/tally")
@permits(Scope.READ)
@blueprint.input(FilterQuery, location="query", arg_name="query")
@blueprint.output(Tally)
def tally_clinic(query):
    """Count images across all jobs

    By status and by label, of those that the filter lets through: the newest 100,000 of them.
    """
    return tally_of(None, query)


@blueprint.post("/images/retry")
@permits(Scope.UPLOAD)
@blueprint.input(ImagesBody, location="json", arg_name="body")
@blueprint.output(Changed)
def retry_images(body):
    """Try several failed images again

    Those of the images that failed wait again; all others stay as they are.
    """
    here = services()
    changed = here.store.retry_images(clinic_id(), body.images)
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


def image_page(job: JobRecord | None, query: ImagesQuery) -> Response:
    """Images of a job, or of the clinic."""
    asking = viewer()
    page = services().store.images(
        clinic_id(),
        job and job.id,
        *asking.listed(job, query.wanted, query.sort),
        cursor=query.cursor,
        offset=query.offset,
        limit=query.limit,
    )
    return ImagePage.of(replace(page, items=asking.without_hidden(page.items))).json_response


def place_of(image_id: int, job_id: int | None, query: FilterQuery) -> PlaceRecord:
    """Where the image stands in the list of the job, or with None of the clinic."""
    store = services().store
    job = None if job_id is None else store.job(clinic_id(), job_id)
    listed = viewer().listed(job, query.wanted, query.sort)
    return store.place(clinic_id(), image_id, job_id, *listed)


def tally_of(job: JobRecord | None, query: FilterQuery) -> Response:
    """Counts of a job, or of the clinic."""
    return Tally.of(viewer().tally(job, query.wanted, query.sort)).json_response


@blueprint.get("/images/<int:image_id>/place")
@permits(Scope.READ)
@blueprint.input(PlaceQuery, location="query", arg_name="query")
@blueprint.output(Place)
def place(image_id, query):
    """Find an image in a list

    Where it stands in what `GET /jobs/{id}/images` lists for the same filter and order (with
    `job=all`: in what `GET /images` lists), and which images are beside it.
    """
    store = services().store
    job_id = query.job_id(own=store.image(clinic_id(), image_id).job_id)
    return Place.of(place_of(image_id, job_id, query)).json_response


@blueprint.get("/images/<int:image_id>")
@permits(Scope.READ)
@blueprint.doc(responses=NOT_MODIFIED)
@blueprint.output(Image)
def get_image(image_id):
    """Get an image's result"""
    image = shown_image(image_id)
    return conditional(_tag(image, "result"), lambda: Image.of(image).json_response)


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
    responses={409: "The image was not rejected, or not as being no frontal chest X-ray."}
)
@blueprint.output(Image)
def classify_anyway(image_id):
    """Classify an image that the gate refused

    For a frontal chest X-ray that was not taken for one. It waits again, and is passed this time.
    Who asked for it, and why it had been refused, is kept in `waiver`, also in every export.
    """
    here = services()
    here.dispatcher.wake(here.store.classify_anyway(clinic_id(), image_id, asking_name()))
    return Image.of(here.store.image(clinic_id(), image_id)).json_response


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
    tag = etag_of(image.id, image.file_key, query.max_side)
    return conditional(tag, lambda: _png(pictures.preview(image, query.max_side)))


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
    tag = etag_of(image.id, image.file_key, "small", query.max_side)

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
    contrast is the file's: the text chunk `window` says which part of the range (0 to 1) to show.
    """
    image = services().store.image(clinic_id(), image_id)
    tag = etag_of(image.id, image.file_key, "film")
    return conditional(tag, lambda: _png(pictures.film(image)))


@blueprint.get("/images/<int:image_id>/maps")
@permits(Scope.READ)
@blueprint.doc(responses=NOT_MODIFIED | NO_MAP)
@blueprint.output(MapList)
def list_maps(image_id):
    """List the maps of an image's result

    The main one first. Which maps there are depends on the model; some make none.
    """
    image = shown_image(image_id)
    return conditional(_tag(image, "maps"), lambda: _listed(image).json_response)


@blueprint.get("/images/<int:image_id>/maps/<name>.png")
@permits(Scope.READ)
@blueprint.input(OverlayQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED | NO_PICTURE | NO_MAP)
@blueprint.output(PNG, content_type="image/png")
def map_picture(image_id, name, query):
    """Get a map over the X-ray

    Attention is where the network looked for its answer; not where a finding is. Evidence is orange
    where it speaks for the label and blue where it speaks against it, on one scale for all labels
    of the image.
    """
    return _picture(image_id, name, query)


@blueprint.get("/images/<int:image_id>/maps/<name>.json")
@permits(Scope.READ)
@blueprint.doc(responses=NOT_MODIFIED | NO_MAP)
@blueprint.output(Map)
def map_grid(image_id, name):
    """Get a map as numbers"""
    return _grid(image_id, name)


@blueprint.get("/images/<int:image_id>/attention.png")
@permits(Scope.READ)
@blueprint.input(OverlayQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED | NO_PICTURE | NO_MAP)
@blueprint.output(PNG, content_type="image/png")
def attention_picture(image_id, query):
    """Get the main map over the X-ray

    Where the network looked for its answer; not where a finding is.
    """
    return _picture(image_id, None, query)


@blueprint.get("/images/<int:image_id>/attention.json")
@permits(Scope.READ)
@blueprint.doc(responses=NOT_MODIFIED | NO_MAP)
@blueprint.output(Map)
def attention_grid(image_id):
    """Get the main map as numbers"""
    return _grid(image_id, None)


def shown_image(image_id: int) -> ImageRecord:
    """An image as whoever asks may see it. Raises NotFound."""
    (image,) = viewer().without_hidden([services().store.image(clinic_id(), image_id)])
    return image


def _picture(image_id: int, name: str | None, query: OverlayQuery) -> Response:
    image = shown_image(image_id)
    return conditional(
        _tag(image, name, query.max_side, query.opacity),
        lambda: _png(pictures.overlay(image, name, query.opacity, query.max_side)),
    )


def _grid(image_id: int, name: str | None) -> Response:
    image = shown_image(image_id)

    def make() -> Response:
        found = pictures.map_of(image, name)
        return Map(**_summary(image, found), grid=found.grid.tolist()).json_response

    return conditional(_tag(image, name, "grid"), make)


def _listed(image: ImageRecord) -> MapList:
    return MapList(
        items=[
            MapListed(**_summary(image, found), links=_links(image, found.name))
            for found in pictures.maps_of(image)
        ]
    )


def _summary(image: ImageRecord, found: MapRecord) -> dict[str, object]:
    height, width = found.grid.shape
    return dict(
        MapSummary(
            name=found.name,
            kind=(kind := kind_of(found.name)),
            unit=UNIT if kind == "evidence" else None,
            height=height,
            width=width,
            box=found.box,
            model=image.result.model,
        )
    )


def _links(image: ImageRecord, name: str) -> MapLinks:
    at = {"image_id": image.id, "name": name}
    return MapLinks(
        grid=url_for("images.map_grid", **at), picture=url_for("images.map_picture", **at)
    )


def _tag(image: ImageRecord, *more: object) -> str:
    return etag_of(
        image.id,
        image.file_key or image.picture_key,
        image.status,
        image.attempts,
        image.finished_at,
        image.result.model if image.result else None,
        *more,
    )


def _png(content: bytes) -> Response:
    return Response(content, mimetype="image/png")
