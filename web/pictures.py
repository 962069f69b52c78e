"""Pictures of an image: the X-ray itself, and the attention map over it. Drawn on demand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from model import maps as overlay
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
        return overlay.preview_png(radiograph, longest)


def attention(image: ImageRecord, opacity: float, longest: int) -> bytes:
    """The map over the X-ray as PNG. Raises NoPicture, NotReady, Rejection."""
    found = attention_of(image)
    with _decoded(image, longest) as radiograph:
        grid = found.grid.astype("float32")
        return overlay.overlay_png(radiograph, grid, found.box, opacity, longest)


def attention_of(image: ImageRecord) -> MapRecord:
    """The image's map. Raises NoPicture when it will never have one, NotReady when it may."""
    if image.status in (ImageStatus.WAITING, ImageStatus.RUNNING):
        raise NotReady("This image is not classified yet, so it has no attention map. Try later.")
    if image.status is not ImageStatus.DONE:
        raise NoPicture(
            f"This image has no attention map: it was not classified (status: {image.status})."
        )
    maps = services().store.maps(clinic_id(), image.id)
    if not maps:
        raise NoPicture("This image has no attention map: its model makes none.")
    return maps[0]


@contextmanager
def _decoded(image: ImageRecord, longest: int) -> Iterator[Radiograph]:
    if image.file_key is None:
        raise NoPicture("The file of this image was not kept, because it was refused on arrival.")
    with _drawing:
        # Draft mode decodes a large JPEG at an eighth of its cost when little is asked for.
        yield decode(services().files.path(image.file_key), at_least=longest)
