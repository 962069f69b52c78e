"""Counts of images by status, label, certainty and time, for tallies and charts."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import case, func, select

from worker.records.images import ImageFilter, ImageStatus, ResultCounts, Sort, SortKind, Tally
from worker.records.jobs import Pace
from worker.store.database import Database
from worker.store.images.listing import is_known_to, probability_of
from worker.store.images.searching import searched
from worker.store.images.selection import Selection
from worker.store.rows import job_row
from worker.store.schema import IS_ACTIVE, Image, Result

ANY, IN_FILE_ORDER = ImageFilter(), Sort()
HISTOGRAM_BINS = 10
PACE_PARTS = 26


class CountingVerbs:
    database: Database

    def tally(self, clinic_id: int, job_id: int | None, wanted: ImageFilter = ANY) -> Tally:
        """Counts images, the newest MAX_COUNT of them, or MAX_COUNT_OF_SEARCH of those that a
        search of the clinic finds. Raises
        NotFound, UnknownLabel."""
        # One pass over what the rest of the filter lets through serves every count.
        rest = replace(wanted, statuses=(), labels=(), uncertain=None)
        newest = Sort(SortKind.NEWEST)
        with self.database.reading() as session:
            if job_id is None:
                wanted = searched(session, clinic_id, wanted)
                rest = replace(rest, search=wanted.search, images=wanted.images)
            some = Selection(session, clinic_id, job_id, rest, newest)
            columns = (Image.status, Image.label, Image.uncertain)
            found = some.page(columns, some.most).subquery()
            by = (found.c.status, found.c.label, found.c.uncertain)
            counted = session.execute(select(*by, func.count()).group_by(*by)).all()
            if rest == wanted:
                total = sum(count for *_, count in counted)
            else:
                total = Selection(session, clinic_id, job_id, wanted, newest).count()
        statuses, labels, uncertain = Counter(), Counter(), 0
        for status, label_or_none, is_marked, count in counted:
            label = label_or_none or None
            is_uncertain = is_marked if label else None
            fits_status = status in (wanted.statuses or [status])
            fits_label = label in (wanted.labels or [label])
            fits_certainty = wanted.uncertain in (None, is_uncertain)
            if fits_label and fits_certainty:
                statuses[status] += count
            if label is not None and fits_status and fits_certainty:
                labels[label] += count
            if is_uncertain and fits_status and fits_label:
                uncertain += count
        is_full = [count >= some.most for count in (total, sum(count for *_, count in counted))]
        return Tally(total, dict(statuses), dict(labels), uncertain, *is_full)

    def result_counts(
        self, job_ids: Collection[int], known_to: str | None = None
    ) -> dict[int, ResultCounts]:
        """By job; without results, empty ones. known_to: as in `ImageFilter`."""
        query = (
            select(
                Result.job_id,
                Result.label,
                func.count(),
                func.count().filter(Result.uncertain.is_(True)),
            )
            .where(Result.job_id.in_(job_ids), IS_ACTIVE)
            .group_by(Result.job_id, Result.label)
        )
        if known_to is not None:
            query = query.where(is_known_to(known_to, Result.image_id, Result.job_id))
        labels: dict[int, dict[str, int]] = {job_id: {} for job_id in job_ids}
        uncertain = Counter()
        with self.database.reading() as session:
            for job_id, label, count, doubted in session.execute(query):
                labels[job_id][label] = count
                uncertain[job_id] += doubted
        return {job_id: ResultCounts(labels[job_id], uncertain[job_id]) for job_id in job_ids}

    def histogram(self, clinic_id: int, job_id: int, wanted: ImageFilter = ANY) -> dict:
        """By label of the result: how many results have their label's probability in each tenth.

        Returns: {label: HISTOGRAM_BINS counts}, from 0..0.1 to 0.9..1. Raises NotFound,
        UnknownLabel.
        """
        found: dict[str, list[int]] = {}
        with self.database.reading() as session:
            labels = job_row(session, clinic_id, job_id).labels or []
            for label in labels:
                some = Selection(session, clinic_id, job_id, wanted, IN_FILE_ORDER)
                tenth = func.floor(probability_of(label) * HISTOGRAM_BINS)
                query = some.of(tenth.label("tenth"), func.count().label("count"))
                counts = [0] * HISTOGRAM_BINS
                for row in session.execute(query.where(Result.label == label).group_by("tenth")):
                    counts[min(HISTOGRAM_BINS - 1, int(row.tenth))] += row.count
                found[label] = counts
        return found

    def pace(self, clinic_id: int, job_id: int) -> Pace | None:
        """From the first image of the job that was finished to the last; None before there are two
        times. Raises NotFound."""
        finished = (
            Image.job_id == job_id,
            Image.status.in_((ImageStatus.DONE, ImageStatus.REJECTED, ImageStatus.FAILED)),
            Image.finished_at.is_not(None),
        )
        ends = select(func.min(Image.finished_at), func.max(Image.finished_at)).where(*finished)
        with self.database.reading() as session:
            job_row(session, clinic_id, job_id)
            first, last = session.execute(ends).one()
            if first is None or first == last:
                return None
            step = (last - first) / PACE_PARTS
            borders = [first + step * place for place in range(1, PACE_PARTS)]
            part = case(
                *((Image.finished_at < border, place) for place, border in enumerate(borders)),
                else_=PACE_PARTS - 1,
            ).label("part")
            counted = select(part, func.count()).where(*finished).group_by("part")
            counts = dict(session.execute(counted).all())
        return Pace(
            step.total_seconds(), tuple(counts.get(place, 0) for place in range(PACE_PARTS))
        )
