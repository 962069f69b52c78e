"""The maps of an image's result."""

from flask import Response, url_for

from model.evidence import UNIT, kind_of
from web.api.caching import conditional
from web.api.images.shared import NO_PICTURE, PNG, blueprint, png, shown_image, tag_of
from web.api.inputs.pictures import OverlayQuery
from web.api.openapi import NOT_MODIFIED
from web.api.records.maps import Map, MapLinks, MapList, MapListed, MapSummary
from web.auth.permissions import permits
from web.showing import pictures
from worker.access import Scope
from worker.records.images import ImageRecord, MapRecord

NO_MAP = {
    404: "No such image or map, or the image was refused and has no maps.",
    409: "The image is not classified yet.",
}


@blueprint.get("/images/<int:image_id>/maps")
@permits(Scope.READ)
@blueprint.doc(responses=NOT_MODIFIED | NO_MAP)
@blueprint.output(MapList)
def list_maps(image_id):
    """List the maps of an image's result

    The main one first. Which maps there are depends on the model; some make none.
    """
    image = shown_image(image_id)
    return conditional(tag_of(image, "maps"), lambda: _listed(image).json_response)


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


def _picture(image_id: int, name: str | None, query: OverlayQuery) -> Response:
    image = shown_image(image_id)
    return conditional(
        tag_of(image, name, query.max_side, query.opacity),
        lambda: png(pictures.overlay(image, name, query.opacity, query.max_side)),
    )


def _grid(image_id: int, name: str | None) -> Response:
    image = shown_image(image_id)

    def make() -> Response:
        found = pictures.map_of(image, name)
        return Map(**_summary(image, found), grid=found.grid.tolist()).json_response

    return conditional(tag_of(image, name, "grid"), make)


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
