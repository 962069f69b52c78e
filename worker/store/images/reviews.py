"""Reviews: what readers say about results."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, Row, and_, case, exists, false, func, or_, select, true
from sqlalchemy.orm import Session

from worker.errors import NoResultToReview, NotFound, ReviewIsFinal, UnknownLabel
from worker.records.pages import Page
from worker.records.reviews import NewReview, ReviewBox, ReviewProgress, ReviewRecord, Verdict
from worker.store.database import Database
from worker.store.images.listing import is_known_to
from worker.store.rows import SHOWN, decode_cursor, encode_cursor, job_row, now
from worker.store.schema import IS_ACTIVE, Image, Job, Result, Review


class ReviewVerbs:
    database: Database

    def review(self, clinic_id: int, image_id: int, reader: str, said: NewReview) -> ReviewRecord:
        """Save what a reader says about an image's result, in place of what they said before.

        Raises NotFound, NoResultToReview, UnknownLabel, ReviewIsFinal.
        """
        with self.database.writing() as session:
            judged, job = _locked(session, clinic_id, image_id)
            verdict, label = _verdict(judged, said)
            found = session.get(Review, (image_id, reader))
            if found is not None:
                _check_can_change(session, found, judged.readers)
            else:
                found = Review(
                    image_id=image_id,
                    reader=reader,
                    clinic_id=clinic_id,
                    job_id=judged.job_id,
                    blind=judged.blind,
                    created_at=now(),
                )
                session.add(found)
            found.verdict, found.label, found.comment = verdict, label, said.comment
            found.boxes = [asdict(box) for box in said.boxes]
            found.model, found.model_label = judged.model, judged.label
            found.changed_at = now()
            job.revision += 1
            session.flush()
            return _record(found)

    def unreview(self, clinic_id: int, image_id: int, reader: str) -> None:
        """Take a review back, if there is one. Raises NotFound, NoResultToReview, ReviewIsFinal."""
        with self.database.writing() as session:
            judged, job = _locked(session, clinic_id, image_id)
            found = session.get(Review, (image_id, reader))
            if found is None:
                return
            _check_can_change(session, found, judged.readers)
            job.revision += 1
            session.delete(found)

    def reviews(self, clinic_id: int, image_ids: Sequence[int]) -> dict[int, list[ReviewRecord]]:
        """Reviews of these images of the clinic, the oldest first; images without any are left
        out."""
        query = (
            select(Review)
            .where(Review.image_id.in_(image_ids), Review.clinic_id == clinic_id)
            .order_by(Review.image_id, Review.created_at, Review.reader)
        )
        found: dict[int, list[ReviewRecord]] = defaultdict(list)
        with self.database.reading() as session:
            for review in session.scalars(query):
                found[review.image_id].append(_record(review))
        return dict(found)

    def job_reviews(
        self, clinic_id: int, job_id: int, cursor: str | None = None, limit: int = 100
    ) -> Page[ReviewRecord]:
        """Reviews of up to `limit` images of the job, by image. Raises NotFound, InvalidCursor."""
        images = select(Review.image_id).where(Review.job_id == job_id).distinct()
        if cursor is not None:
            images = images.where(Review.image_id > decode_cursor(cursor))
        with self.database.reading() as session:
            job_row(session, clinic_id, job_id)
            ids = session.scalars(images.order_by(Review.image_id).limit(limit + 1)).all()
        found = self.reviews(clinic_id, ids[:limit])
        items = [review for of_image in found.values() for review in of_image]
        return Page(items, encode_cursor(ids[limit - 1]) if len(ids) > limit else None)

    def unanswered(self, clinic_id: int, reader: str, image_ids: Sequence[int]) -> set[int]:
        """Those of these images that are in blind jobs, and that this reader has not reviewed."""
        query = (
            select(Image.id)
            .join(Job, Job.id == Image.job_id)
            .outerjoin(Review, and_(Review.image_id == Image.id, Review.reader == reader))
            .where(
                Image.id.in_(image_ids),
                Image.clinic_id == clinic_id,
                Job.blind.is_(True),
                Review.image_id.is_(None),
            )
        )
        with self.database.reading() as session:
            return set(session.scalars(query))

    def unsettled(self, clinic_id: int, image_ids: Sequence[int]) -> set[int]:
        """Those of these images that fewer readers have reviewed than their job asks for, where it
        asks for more than one."""
        reviews = (
            select(func.count())
            .where(Review.image_id == Image.id)
            .correlate(Image)
            .scalar_subquery()
        )
        query = (
            select(Image.id)
            .join(Job, Job.id == Image.job_id)
            .where(
                Image.id.in_(image_ids),
                Image.clinic_id == clinic_id,
                Job.readers > 1,
                reviews < Job.readers,
            )
        )
        with self.database.reading() as session:
            return set(session.scalars(query))

    def review_progress(
        self, clinic_id: int, job_id: int, reader: str, known_only: bool = False
    ) -> ReviewProgress:
        """known_only: count disagreement only among images whose reviews `reader` may see. Raises
        NotFound."""
        with self.database.reading() as session:
            job = job_row(session, clinic_id, job_id)
            of_image = (
                select(
                    func.count().label("reviews"),
                    func.sum(case((Review.reader == reader, 1), else_=0)).label("own"),
                    func.sum(case((Review.verdict == Verdict.OTHER_LABEL, 1), else_=0)).label(
                        "others"
                    ),
                    func.count(func.distinct(func.coalesce(Review.label, ""))).label("answers"),
                )
                .where(Review.job_id == job_id)
                .group_by(Review.image_id)
                .subquery()
            ).c
            is_known: ColumnElement[bool] = true()
            if known_only:
                is_settled = false() if job.blind else of_image.reviews >= job.readers
                is_known = or_(of_image.own > 0, is_settled)
            read, anybody, complete, disagreed, readers_disagree = session.execute(
                select(
                    _count_where(of_image.own > 0),
                    func.count(),
                    _count_where(of_image.reviews >= job.readers),
                    _count_where(and_(of_image.others > 0, is_known)),
                    _count_where(and_(of_image.answers > 1, is_known)),
                )
            ).one()
            return ReviewProgress(job.done, read, anybody, complete, disagreed, readers_disagree)

    def read_counts(self, reader: str, job_ids: Collection[int]) -> dict[int, int]:
        """How many images of each job the reader has reviewed; only of jobs with any."""
        query = (
            select(Review.job_id, func.count())
            .where(Review.job_id.in_(job_ids), Review.reader == reader)
            .group_by(Review.job_id)
        )
        with self.database.reading() as session:
            return dict(session.execute(query).all())

    def has_blind_jobs(self, clinic_id: int) -> bool:
        query = select(exists().where(Job.clinic_id == clinic_id, Job.blind.is_(True), *SHOWN))
        with self.database.reading() as session:
            return bool(session.scalar(query))

    def set_blind(self, clinic_id: int, job_id: int, blind: bool) -> None:
        """Hide the job's results from readers until they have reviewed them. Raises NotFound."""
        with self.database.writing() as session:
            job = job_row(session, clinic_id, job_id, lock=True)
            job.blind = blind
            job.revision += 1

    def set_readers(self, clinic_id: int, job_id: int, readers: int) -> None:
        """How many readers are to review each image of the job. Raises NotFound."""
        with self.database.writing() as session:
            job = job_row(session, clinic_id, job_id, lock=True)
            job.readers = readers
            job.revision += 1

    def agreement(
        self, clinic_id: int, blind_only: bool = False, known_to: str | None = None
    ) -> dict[str, Counter]:
        """By model: how often it said one label where a reader said another (or the same).
        known_to: as in `ImageFilter`.

        Returns: model → Counter of (its label, the reader's label). Unusable films are left out.
        """
        query = (
            select(Review.model, Review.model_label, Review.label, func.count())
            .join(Job, Job.id == Review.job_id)
            .where(Review.clinic_id == clinic_id, Review.label.is_not(None), *SHOWN)
            .group_by(Review.model, Review.model_label, Review.label)
        )
        if blind_only:
            query = query.where(Review.blind.is_(True))
        if known_to is not None:
            query = query.where(is_known_to(known_to, Review.image_id, Review.job_id))
        found: dict[str, Counter] = defaultdict(Counter)
        with self.database.reading() as session:
            for model, answer, label, count in session.execute(query):
                found[model][answer, label] = count
        return dict(found)


def _locked(session: Session, clinic_id: int, image_id: int) -> tuple[Row, Job]:
    """What is judged, as `_result`, and its job, whose lock lets one review at a time be written.

    The job comes before its reviews, as in deletions: avoids deadlock.
    """
    judged = _result(session, clinic_id, image_id)
    job = job_row(session, clinic_id, judged.job_id, lock=True)
    # Again: while we waited, the image may have been deleted or classified again.
    return _result(session, clinic_id, image_id), job


def _result(session: Session, clinic_id: int, image_id: int) -> Row:
    """What is judged: job_id, blind, readers, model, label, probabilities."""
    of_job = (Image.job_id, Job.blind, Job.readers)
    query = (
        select(*of_job, Result.model, Result.label, Result.probabilities)
        .join(Job, Job.id == Image.job_id)
        .outerjoin(Result, and_(Result.image_id == Image.id, IS_ACTIVE))
        .where(Image.id == image_id, Image.clinic_id == clinic_id, *SHOWN)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound(f"There is no image {image_id}.")
    if found.model is None:
        raise NoResultToReview(
            f"Image {image_id} has no result, so there is nothing to review yet."
        )
    return found


def _check_can_change(session: Session, review: Review, readers: int) -> None:
    """Raises ReviewIsFinal when its reader may have seen another answer since: the model's, or that
    of the other reader."""
    if review.blind:
        raise ReviewIsFinal(
            "This review was given before the model's answer was shown, so it is final."
        )
    if readers > 1:
        given = session.scalar(
            select(func.count()).select_from(Review).where(Review.image_id == review.image_id)
        )
        if given >= readers:
            raise ReviewIsFinal(
                "Both readers have answered and see each other's answers, so they are final."
            )


def _count_where(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _verdict(judged: Row, said: NewReview) -> tuple[Verdict, str | None]:
    """The verdict and the reader's label, which may turn out to be the model's.

    Raises UnknownLabel.
    """
    if said.verdict is Verdict.UNUSABLE:
        return Verdict.UNUSABLE, None
    if said.verdict is Verdict.AGREE and not judged.blind:
        return Verdict.AGREE, judged.label
    labels = list(judged.probabilities)
    if said.label not in labels:
        raise UnknownLabel(
            f"The review needs the reader's label, one of: {', '.join(labels)}. "
            f"Received: {said.label!r}"
        )
    agrees = said.label == judged.label
    return Verdict.AGREE if agrees else Verdict.OTHER_LABEL, said.label


def _record(review: Review) -> ReviewRecord:
    return ReviewRecord(
        image_id=review.image_id,
        reader=review.reader,
        verdict=review.verdict,
        label=review.label,
        comment=review.comment,
        boxes=tuple(ReviewBox(**box) for box in review.boxes),
        model=review.model,
        model_label=review.model_label,
        blind=review.blind,
        created_at=review.created_at,
        changed_at=review.changed_at,
    )
