"""Pictures of an image: the X-ray itself, and a map over it. Drawn on demand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from model import maps as drawing
from model.reading.radiograph import Radiograph, decode
from web.auth.requests import clinic_id
from web.errors import NoPicture, NotReady
from web.services import services
from worker.records import ImageRecord, ImageStatus, MapRecord

# A large DICOM file takes hundreds of megabytes while it is decoded, and the workers need the cores
# more: a page of thumbnails waits here.
_drawing = threading.BoundedSemaphore(2)


def preview(image: ImageRecord, longest: int) -> bytes:
    """The X-ray as a PNG of at most `longest` pixels a side. Raises NoPicture, Rejection."""
    with _decoded(image, longest) as radiograph:
        return drawing.preview_png(radiograph, longest)


def overlay(image: ImageRecord, name: str | None, opacity: float, longest: int) -> bytes:
    """The map of that name, None for the main one, over the X-ray as PNG.

    Raises NoPicture, NotReady, Rejection.
    """
    found = map_of(image, name)
    with _decoded(image, longest) as radiograph:
        grid = found.grid.astype("float32")
        return drawing.overlay_png(radiograph, grid, found.box, opacity, longest)


def map_of(image: ImageRecord, name: str | None) -> MapRecord:
    """One of `maps_of`, None for the main one. Raises NoPicture when there is none, NotReady."""
    for found in maps_of(image):
        if name in (None, found.name):
            return found
    raise NoPicture(
        "This image has no such map. `GET /api/v1/images/{id}/maps` lists the maps that it has."
    )


def maps_of(image: ImageRecord) -> list[MapRecord]:
    """The maps of the image's result, the main one first; its model may make none.

    Raises NoPicture when the image has no result, NotReady when it may get one.
    """
    if image.status in (ImageStatus.WAITING, ImageStatus.RUNNING):
        raise NotReady("This image is not classified yet, so it has no maps. Try later.")
    if image.status is not ImageStatus.DONE:
        raise NoPicture(f"This image has no maps: it was not classified (status: {image.status}).")
    return services().store.maps(clinic_id(), image.id)


@contextmanager
def _decoded(image: ImageRecord, longest: int) -> Iterator[Radiograph]:
    if image.file_key is None:
        raise NoPicture("The file of this image was not kept, because it was refused on arrival.")
    with _drawing:
        # Draft mode decodes a large JPEG at an eighth of its cost when little is asked for.
        yield decode(services().files.path(image.file_key), at_least=longest)
