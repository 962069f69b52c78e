"""Pictures of an image: the X-ray itself, and a map over it.

This process opens no uploaded file, which might kill it: it draws from pictures of our own. The
small one a worker saved with the result; larger ones, and small ones that are not there yet, come
from `worker.pictures.painter`, whose processes may die.
"""

import io
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from flask import request
from PIL import Image

from model.drawing import maps as drawing
from model.evidence import kind_of
from web.auth.requests import clinic_id
from web.errors import BeingDrawn, NoPicture, NotReady
from web.services import services
from worker.pictures.files import FILM
from worker.records.images import WAIVABLE, ImageRecord, ImageStatus, MapRecord

# Large pictures are drawn in these sizes, so that the cache holds few of one X-ray.
LARGE_SIDES = (1024, 2048, 4096)
MAX_SIDE = LARGE_SIDES[-1]
SMALL_SIDE = 512  # up to here a small picture will do
# The gate's refusals: what it refuses was decoded before. Every other refusal is the decoder's.
REFUSED_BY_GATE = (*WAIVABLE, "blank")


def preview(image: ImageRecord, max_side: int) -> bytes:
    """The X-ray as a PNG of at most `max_side` pixels a side. Raises NoPicture, BeingDrawn."""
    file = _file(image, max_side)
    if file.suffix == ".png" and max_side in LARGE_SIDES:
        return services().pictures.read(file)
    return drawing.png(_opened(file, max_side))


def small_preview(image: ImageRecord, max_side: int | None) -> bytes:
    """The X-ray as a small JPEG, at most `max_side` pixels a side; None: as a worker saved it with
    the result, which costs nothing. Raises NoPicture, BeingDrawn."""
    file = _file(image, SMALL_SIDE)
    if file.suffix != ".png" and (max_side is None or max(_size(file)) <= max_side):
        return services().pictures.read(file)
    return drawing.jpeg(_opened(file, max_side or SMALL_SIDE))


def film(image: ImageRecord) -> bytes:
    """All pixels and grey values of the X-ray, as `model.drawing.pictures.film_png` makes them.

    Raises NoPicture, BeingDrawn.
    """
    _shown_key(image)
    if image.file_key is None:
        raise NoPicture("This X-ray is no longer kept, only a small picture of it.")
    return services().pictures.read(_large(image, FILM))


def overlay(image: ImageRecord, name: str | None, opacity: float, max_side: int) -> bytes:
    """The map of that name, None for the main one, over the X-ray as PNG.

    Raises NoPicture, NotReady, BeingDrawn.
    """
    maps = maps_of(image)
    found = _named(maps, name)
    xray = _opened(_file(image, max_side), max_side)
    return drawing.overlay_png(xray, found.grid, found.box, opacity, _strongest(found, maps))


def map_of(image: ImageRecord, name: str | None) -> MapRecord:
    """One of `maps_of`, None for the main one. Raises NoPicture when there is none, NotReady."""
    return _named(maps_of(image), name)


def maps_of(image: ImageRecord) -> list[MapRecord]:
    """The maps of the image's result, the main one first; its model may make none.

    Raises NoPicture when the image has no result, NotReady when it may get one.
    """
    if image.status in (ImageStatus.WAITING, ImageStatus.RUNNING):
        raise NotReady("This image is not classified yet, so it has no maps. Try later.")
    if image.status is not ImageStatus.DONE:
        raise NoPicture(f"This image has no maps: it was not classified (status: {image.status}).")
    if image.result is None:
        raise NotReady("This image's maps are shown after your review of it.")
    return services().store.maps(clinic_id(), image.id)


def _named(maps: Sequence[MapRecord], name: str | None) -> MapRecord:
    for found in maps:
        if name in (None, found.name):
            return found
    raise NoPicture(
        "This image has no such map. `GET /api/v1/images/{id}/maps` lists the maps that it has."
    )


def _strongest(found: MapRecord, maps: Sequence[MapRecord]) -> float | None:
    """What full colour means: for evidence one scale for all labels, so that they can be compared;
    None for a map that is not signed."""
    if kind_of(found.name) != "evidence":
        return None
    return max(float(abs(one.grid).max()) for one in maps if kind_of(one.name) == "evidence")


def _shown_key(image: ImageRecord) -> str:
    """By which its pictures are found. Raises NoPicture for what no decoder could read."""
    key = image.file_key or image.picture_key
    if key is None:
        raise NoPicture("The file of this image is not kept.")
    if image.status is ImageStatus.REJECTED and image.reason not in REFUSED_BY_GATE:
        raise NoPicture("This file cannot be shown: it could not be decoded.")
    return key


def _file(image: ImageRecord, max_side: int) -> Path:
    """A picture of ours that shows the X-ray at that size or a larger one, unless it is smaller."""
    key = _shown_key(image)
    here = services()
    if image.file_key is not None and _may_show_text(image):
        sides = (SMALL_SIDE, *LARGE_SIDES)
        return _large(image, next(side for side in sides if side >= max_side))
    small = here.pictures.small(key)
    if not small.exists() and image.file_key is None:
        raise NoPicture("The file of this image is not kept.")
    if not small.exists():
        _drawn(small, here.painter.small(clinic_id(), image.file_key, hidden_text(image)))
    side = max(SMALL_SIDE, *_size(small))
    longest = max(image.width or MAX_SIDE, image.height or MAX_SIDE)
    if image.file_key is None or max_side <= side or longest <= side:
        return small
    return _large(image, next(side for side in LARGE_SIDES if side >= max_side))


def _large(image: ImageRecord, what: int | str) -> Path:
    """The PNG of at most `what` pixels a side, or FILM."""
    here = services()
    hide = hidden_text(image)
    large = here.pictures.large(image.file_key, what, hide is not None)
    if not large.exists():
        _drawn(large, here.painter.large(clinic_id(), image.file_key, what, hide))
    here.pictures.used(large)
    return large


def _may_show_text(image: ImageRecord) -> bool:
    """Whether the small picture may be older than the rule that text is hidden."""
    return "text_hidden" not in (image.facts or {}) and hidden_text(image) is not None


def hidden_text(image: ImageRecord) -> list[list[float]] | None:
    """Where text was found, when text is hidden; None when it is not.

    As it was decided when a worker had the image; before that, and for older results, as the
    clinic's profile says now.
    """
    facts = image.facts or {}
    hidden = facts.get("text_hidden")
    if hidden is None:
        hidden = services().store.patient_data_rule(clinic_id()).hides_text
    return facts.get("text_boxes", []) if hidden else None


def _drawn(picture: Path, done: "Future[bool]") -> None:
    """Wait until a picture is drawn, or let the server ask again then. Raises NoPicture."""
    later = request.environ.get("door.later")
    if later is not None and not done.done():
        later(done)
        raise BeingDrawn("The picture is being drawn. Try again in a moment.")
    if not done.result() and not picture.exists():
        raise NoPicture("This file cannot be shown: it could not be drawn within its limits.")


def _size(picture: Path) -> tuple[int, int]:
    with Image.open(io.BytesIO(services().pictures.read(picture))) as opened:
        return opened.size


def _opened(picture: Path, max_side: int) -> Image.Image:
    """A grey picture of at most that many pixels a side, from one of our own."""
    with Image.open(io.BytesIO(services().pictures.read(picture))) as opened:
        opened.thumbnail((max_side, max_side), Image.Resampling.BILINEAR)
        opened.load()
        return opened
