"""What readers say about results, and images that are classified against the gate."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from model.scores import GateScore
from tests.support.databases import migrated_store
from tests.support.rows import create_job, finished_image, new_images
from worker.errors import (
    FileNotKept,
    NoResultToReview,
    NotFound,
    NotRefusedByGate,
    ReviewIsFinal,
    UnknownLabel,
)
from worker.records.images import ImageStatus
from worker.records.jobs import JobRecord, JobStatus
from worker.records.reviews import NewReview, ReviewBox, Verdict
from worker.records.work import Claim, FinishedImage
from worker.store import Store

AGREE = NewReview(Verdict.AGREE)
BOX = ReviewBox(0.1, 0.2, 0.3, 0.5, "opacity")


@pytest.fixture
def store(migrated_url) -> Store:
    store = migrated_store(migrated_url)
    store.ensure_clinic("one", "token-of-one")
    store.ensure_clinic("other", "token-of-other")
    yield store
    store.close()


@pytest.fixture
def job(store) -> JobRecord:
    """Three images, two of them NORMAL, one not classified yet."""
    job = create_job(store, 1, "job", new_images(3))
    store.save([finished_image(claim) for claim in store.claim(2, lease_s=60)])
    return job


def refused(claim: Claim, reason: str = "lateral") -> FinishedImage:
    gate = GateScore("gate-1", 0.25)
    return FinishedImage(claim, ImageStatus.REJECTED, reason, "It looks lateral.", gate=gate)


def test_a_review_is_kept_with_its_boxes_and_replaced_by_the_next(store, job):
    said = NewReview(Verdict.OTHER_LABEL, "PNEUMONIA", "left base", (BOX,))
    first = store.review(1, 1, "Ann", said)
    assert (first.label, first.model, first.model_label) == ("PNEUMONIA", "test-1", "NORMAL")
    assert first.boxes == (BOX,)
    store.review(1, 1, "Bob", NewReview(Verdict.UNUSABLE))
    second = store.review(1, 1, "Ann", AGREE)
    assert store.reviews(1, [1, 2]) == {1: [second, store.reviews(1, [1])[1][1]]}
    assert [review.reader for review in store.reviews(1, [1])[1]] == ["Ann", "Bob"]
    assert (second.verdict, second.label, second.boxes) == (Verdict.AGREE, "NORMAL", ())
    assert second.created_at == first.created_at
    assert store.job(1, job.id).revision > job.revision
    assert store.reviews(2, [1, 2]) == {}, "another clinic sees none of them"


def test_the_model_own_label_is_an_agreement(store, job):
    said = store.review(1, 1, "Ann", NewReview(Verdict.OTHER_LABEL, "NORMAL"))
    assert said.verdict is Verdict.AGREE


def test_what_cannot_be_reviewed(store, job):
    with pytest.raises(NoResultToReview):
        store.review(1, 3, "Ann", AGREE)
    with pytest.raises(NotFound):
        store.review(2, 1, "Ann", AGREE)
    with pytest.raises(UnknownLabel, match="COVID19, NORMAL, PNEUMONIA"):
        store.review(1, 1, "Ann", NewReview(Verdict.OTHER_LABEL, "LUPUS"))
    with pytest.raises(NotFound):
        store.unreview(2, 1, "Ann")
    store.unreview(1, 1, "Ann")
    assert store.reviews(1, [1, 2, 3]) == {}
    assert store.reviews(2, [1]) == {}


def test_a_blind_review_names_a_label_and_is_final(store, job):
    store.set_blind(1, job.id, True)
    assert store.unanswered(1, "Ann", [1, 2]) == {1, 2}
    with pytest.raises(UnknownLabel):
        store.review(1, 1, "Ann", AGREE)
    said = store.review(1, 1, "Ann", NewReview(Verdict.OTHER_LABEL, "NORMAL"))
    assert (said.verdict, said.blind) == (Verdict.AGREE, True)
    assert store.unanswered(1, "Ann", [1, 2]) == {2}
    assert store.unanswered(1, "Bob", [1, 2]) == {1, 2}
    for change in (
        lambda: store.review(1, 1, "Ann", NewReview(Verdict.UNUSABLE)),
        lambda: store.unreview(1, 1, "Ann"),
    ):
        with pytest.raises(ReviewIsFinal):
            change()
    assert store.reviews(1, [1])[1] == [said]


def test_progress_and_agreement(store, job):
    store.review(1, 1, "Ann", AGREE)
    store.review(1, 1, "Bob", NewReview(Verdict.OTHER_LABEL, "COVID19"))
    store.review(1, 2, "Bob", NewReview(Verdict.UNUSABLE))
    progress = store.review_progress(1, job.id, "Ann")
    assert (progress.total, progress.read, progress.read_by_anybody) == (2, 1, 2)
    assert progress.disagreed == 1
    counts = Counter({("NORMAL", "NORMAL"): 1, ("NORMAL", "COVID19"): 1})
    assert store.agreement(1) == {"test-1": counts}
    assert store.agreement(1, blind_only=True) == store.agreement(2) == {}
    store.delete_job(1, job.id)  # its rows are removed behind
    assert store.agreement(1) == {}


def test_reviews_of_a_job_come_in_pages(store, job):
    for image in (1, 2):
        store.review(1, image, "Ann", AGREE)
        store.review(1, image, "Bob", AGREE)
    first = store.job_reviews(1, job.id, limit=1)
    assert [(one.image_id, one.reader) for one in first.items] == [(1, "Ann"), (1, "Bob")]
    second = store.job_reviews(1, job.id, first.next_cursor, limit=1)
    assert [one.image_id for one in second.items] == [2, 2]
    assert second.next_cursor is None


def test_reviews_go_with_their_job(store, job):
    store.review(1, 1, "Ann", AGREE)
    store.delete_job(1, job.id)
    store.remove_images(job.id, 10, lambda keys: None)
    store.remove_job(job.id)
    assert store.reviews(1, [1]) == {}


def test_a_refused_image_is_classified_anyway(store):
    job = create_job(store, 1, "job", new_images(2))
    store.save([refused(claim) for claim in store.claim(2, lease_s=60)])
    assert store.job(1, job.id).status is JobStatus.COMPLETE
    assert store.classify_anyway(1, 1, "Ann") == 1
    again = store.job(1, job.id)
    assert (again.status, again.counts.waiting, again.counts.rejected) == (JobStatus.RUNNING, 1, 1)
    image = store.image(1, 1)
    assert (image.status, image.reason, image.message) == (ImageStatus.WAITING, None, None)
    assert (image.waiver.reason, image.waiver.by) == ("lateral", "Ann")
    (claim,) = store.claim(2, lease_s=60)
    assert (claim.image_id, claim.waived, claim.attempts) == (1, True, 1)
    store.save([replace(finished_image(claim), facts={"view": "LL"})])
    finished = store.job(1, job.id)
    assert (finished.status, finished.counts.done) == (JobStatus.COMPLETE, 1)
    image = store.image(1, 1)
    assert (image.waiver.reason, image.facts) == ("lateral", {"view": "LL"})


def test_what_the_gate_did_not_refuse_is_not_classified_anyway(store):
    create_job(store, 1, "job", new_images(3))
    first, second, _ = store.claim(3, lease_s=60)
    store.save([finished_image(first), refused(second, "unreadable")])
    for image in (1, 2, 3):
        with pytest.raises(NotRefusedByGate):
            store.classify_anyway(1, image, "Ann")
    with pytest.raises(NotFound):
        store.classify_anyway(2, 2, "Ann")


def test_a_film_that_is_kept_no_longer_is_not_classified_anyway(store):
    """A worker would have nothing to read."""
    job = create_job(store, 1, "job", new_images(1))
    store.save([refused(claim) for claim in store.claim(1, lease_s=60)])
    store.forget_files(job.id, 10, False, lambda keys: None)
    with pytest.raises(FileNotKept, match="image 1"):
        store.classify_anyway(1, 1, "Ann")
    assert store.image(1, 1).status is ImageStatus.REJECTED
    assert store.job(1, job.id).status is JobStatus.COMPLETE


def test_a_review_that_is_sent_twice_at_once_is_one(store, job):
    said = NewReview(Verdict.OTHER_LABEL, "PNEUMONIA")
    with ThreadPoolExecutor(8) as readers:
        found = list(readers.map(lambda _: store.review(1, 1, "Ann", said), range(8)))
    assert {review.label for review in found} == {"PNEUMONIA"}
    assert len(store.reviews(1, [1])[1]) == 1
