"""What readers do not see yet: results of blind jobs before their own review, and what the other
reader says before both have answered.

Readers use the browser; programs with a token see all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from web.auth.requests import asking_name, clinic_id, is_in_browser
from web.services import services
from worker.records import ImageRecord, ReviewRecord
from worker.store import Store


@dataclass(frozen=True)
class Viewer:
    """Whoever asks. It outlives the request, for answers that are streamed."""

    store: Store
    clinic_id: int
    name: str
    is_reader: bool

    def hidden(self, image_ids: Sequence[int]) -> set[int]:
        """Those of these images whose result they must not see yet."""
        if not self.is_reader:
            return set()
        return self.store.unanswered(self.clinic_id, self.name, image_ids)

    def without_hidden(self, images: Sequence[ImageRecord]) -> list[ImageRecord]:
        """The images, without those results."""
        left_out = self.hidden([image.id for image in images if image.result])
        return [replace(image, result=None) if image.id in left_out else image for image in images]

    def reviews(self, image_ids: Sequence[int]) -> dict[int, list[ReviewRecord]]:
        """By image, the reviews that they may see."""
        found = self.store.reviews(self.clinic_id, image_ids)
        if not self.is_reader or not found:
            return found
        hidden = self.hidden(list(found))
        unsettled = self.store.unsettled(self.clinic_id, list(found))
        return {
            image: [one for one in said if image not in unsettled or one.reader == self.name]
            for image, said in found.items()
            if image not in hidden
        }


def viewer() -> Viewer:
    """Whoever makes this request."""
    return Viewer(services().store, clinic_id(), asking_name(), is_in_browser())
