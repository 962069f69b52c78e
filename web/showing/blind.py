"""What readers do not see yet: results of blind jobs before their own review, and what the other
reader says before both have answered.

Nor is any of it to be guessed: what depends on such results (filters, counts, charts) leaves those
images out, and a blind job is listed in the order of its files. Readers use the browser; programs
with a token see all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from web.auth.requests import asking_name, clinic_id, is_in_browser
from web.services import services
from web.tallies import Tallies
from worker.records.images import ImageFilter, ImageRecord, ResultCounts, Sort, SortKind, Tally
from worker.records.jobs import JobRecord
from worker.records.reviews import ReviewProgress, ReviewRecord
from worker.store import Store

BY_RESULT = (SortKind.SUSPICION, SortKind.PROBABILITY)


@dataclass(frozen=True)
class Viewer:
    """Whoever asks. It outlives the request, for answers that are streamed."""

    store: Store
    tallies: Tallies
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

    @property
    def known_to(self) -> str | None:
        """Of an `ImageFilter` that leaves out what they must not see."""
        return self.name if self.is_reader else None

    def listed(
        self, job: JobRecord | None, wanted: ImageFilter, sort: Sort
    ) -> tuple[ImageFilter, Sort]:
        """What a list of the job, or with None of the clinic, is made of for them."""
        if not self.is_blind_to(job):
            return wanted, sort
        by_result = sort.kind in BY_RESULT
        if job is not None and by_result:
            by_result, sort = False, Sort()
        if by_result or wanted.depends_on_results:
            wanted = replace(wanted, known_to=self.known_to)
        return wanted, sort

    def tally(self, job: JobRecord | None, wanted: ImageFilter, sort: Sort) -> Tally:
        """Counts of what `listed` lists. Raises UnknownLabel."""
        listed, _ = self.listed(job, wanted, sort)
        found = self.tallies.tally(self.clinic_id, job, listed)
        if not self.is_blind_to(job):
            return found
        known = replace(wanted, known_to=self.known_to)
        of_known = self.tallies.tally(self.clinic_id, job, known)
        return replace(found, labels=of_known.labels, uncertain=of_known.uncertain)

    def histogram(self, job: JobRecord, wanted: ImageFilter) -> dict[str, list[int]]:
        """As `Store.histogram`. Raises NotFound, UnknownLabel."""
        if self.is_blind_to(job):
            wanted = replace(wanted, known_to=self.known_to)
        return self.tallies.histogram(job, wanted)

    def result_counts(self, jobs: Sequence[JobRecord]) -> dict[int, ResultCounts]:
        """By number of the job."""
        blind = [job.id for job in jobs if self.is_blind_to(job)]
        found = self.tallies.of([job for job in jobs if job.id not in blind])
        return found | (self.store.result_counts(blind, self.known_to) if blind else {})

    def read_by_them(self, jobs: Sequence[JobRecord]) -> dict[int, int]:
        """By number of the job, how many of its images they have reviewed."""
        return self.tallies.read_by(self.name, jobs)

    def progress(self, job: JobRecord) -> ReviewProgress:
        """Raises NotFound."""
        return self.store.review_progress(self.clinic_id, job.id, self.name, self.is_reader)

    def is_blind_to(self, job: JobRecord | None) -> bool:
        """Whether the job, or with None one of the clinic, may have results that they must not
        see."""
        if not self.is_reader:
            return False
        return self.store.has_blind_jobs(self.clinic_id) if job is None else job.blind

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
    here = services()
    return Viewer(here.store, here.tallies, clinic_id(), asking_name(), is_in_browser())
