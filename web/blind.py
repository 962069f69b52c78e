"""Results that a reader does not see yet: those of blind jobs, before the reader's own review.

Readers use the browser; programs with a token see all.
"""

from collections.abc import Sequence
from dataclasses import replace

from web.auth.requests import asking_name, clinic_id, is_in_browser
from web.services import services
from worker.records import ImageRecord


def hidden(image_ids: Sequence[int]) -> set[int]:
    """Those of these images whose result whoever asks must not see yet."""
    if not is_in_browser():
        return set()
    return services().store.unanswered(clinic_id(), asking_name(), image_ids)


def without_hidden(images: Sequence[ImageRecord]) -> list[ImageRecord]:
    """The images, without those results."""
    left_out = hidden([image.id for image in images if image.result])
    return [replace(image, result=None) if image.id in left_out else image for image in images]
