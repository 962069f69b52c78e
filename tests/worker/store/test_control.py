"""Cancel, resume, retry: what a clinic does with a job, whatever workers do meanwhile."""

import threading
from dataclasses import replace

import pytest

from tests.support.counts import checked, remove, statuses
from tests.support.results import failed
from tests.support.rows import create_job, finished_image, new_images
from worker.errors import NotFound
from worker.records.images import ImageStatus
from worker.records.jobs import JobStatus, NewImage
from worker.store.schema import Job

REFUSED = NewImage("broken.png", None, 0, reason="unreadable", message="It is broken.")


def test_a_resumed_job_is_finished_as_if_it_had_never_stopped(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", [*new_images(5), REFUSED])
    store.save([finished_image(claim) for claim in store.claim(2, lease_s=60)])
    cancelled = store.cancel_job(clinic.id, job.id)
    assert checked(store, job) == cancelled
    assert cancelled.finished_at is not None
    assert store.claim(9, lease_s=60) == []

    resumed = store.resume_job(clinic.id, job.id)
    assert checked(store, job) == resumed
    assert (resumed.status, resumed.counts.waiting, resumed.counts.done) == (
        JobStatus.RUNNING,
        3,
        2,
    )
    assert (resumed.finished_at, resumed.revision > cancelled.revision) == (None, True)
    assert store.waiting(10) == 3
    claims = store.claim(9, lease_s=60)
    assert [claim.attempts for claim in claims] == [1, 1, 1]
    assert store.save([finished_image(claim) for claim in claims]) == 3
    end = checked(store, job)
    assert (end.status, end.counts.done, end.counts.rejected) == (JobStatus.COMPLETE, 5, 1)


def test_resuming_leaves_alone_what_a_worker_still_holds(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(4))
    held = store.claim(2, lease_s=60)
    store.cancel_job(clinic.id, job.id)
    resumed = store.resume_job(clinic.id, job.id)
    assert checked(store, job) == resumed
    assert (resumed.counts.running, resumed.counts.waiting) == (2, 2)
    assert store.save([finished_image(claim) for claim in held]) == 2
    others = store.claim(9, lease_s=60)
    assert {claim.image_id for claim in others}.isdisjoint(claim.image_id for claim in held)
    store.save([finished_image(claim) for claim in others])
    assert checked(store, job).counts.done == 4


def test_a_job_that_workers_hold_wholly_runs_again_when_resumed(db):
    """Nothing could be cancelled: without this the job would stay `cancelled` with results."""
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(2))
    held = store.claim(2, lease_s=60)
    cancelled = store.cancel_job(clinic.id, job.id)
    assert (cancelled.status, cancelled.counts.cancelled) == (JobStatus.CANCELLED, 0)
    resumed = store.resume_job(clinic.id, job.id)
    assert (resumed.status, resumed.finished_at) == (JobStatus.RUNNING, None)
    assert resumed.revision > cancelled.revision
    store.save([finished_image(claim) for claim in held])
    assert checked(store, job).status is JobStatus.COMPLETE


def test_a_worker_that_was_given_up_cannot_save_into_a_resumed_job(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(1))
    (lost,) = store.claim(1, lease_s=-1)
    store.cancel_job(clinic.id, job.id)
    store.take_back_expired(max_attempts=3)
    assert checked(store, job).counts.cancelled == 1
    store.resume_job(clinic.id, job.id)
    assert store.save([finished_image(lost, "COVID19")]) == 0
    assert checked(store, job).counts.waiting == 1


def test_an_image_that_comes_back_while_its_job_is_cancelled_is_counted(db):
    """PostgreSQL lets a sweeper read that a job runs, and write after it was cancelled."""
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(2))
    store.claim(1, lease_s=-1)
    store.cancel_job(clinic.id, job.id)
    with store.database.writing() as session:
        row = session.get(Job, job.id)
        row.status = JobStatus.RUNNING
    store.take_back_expired(max_attempts=3)
    with store.database.writing() as session:
        row = session.get(Job, job.id)
        row.status = JobStatus.CANCELLED
    assert statuses(store, job) == ["waiting", "cancelled"]
    again = store.cancel_job(clinic.id, job.id)
    assert checked(store, job) == again
    assert again.counts.cancelled == 2


def test_retrying_touches_failed_images_only(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", [*new_images(5), REFUSED])
    first, second, third = store.claim(3, lease_s=60)
    store.save([finished_image(first, "COVID19"), failed(second), failed(third)])
    store.cancel_job(clinic.id, job.id)
    before = list(store.all_images(clinic.id, job.id))
    retried = store.retry_job(clinic.id, job.id)
    assert checked(store, job) == retried
    assert (retried.status, retried.counts.failed) == (JobStatus.RUNNING, 0)
    after = list(store.all_images(clinic.id, job.id))
    fresh = {"status": ImageStatus.WAITING, "reason": None, "message": None}
    fresh |= {"attempts": 0, "finished_at": None}
    assert after == [
        replace(image, **fresh) if image.status is ImageStatus.FAILED else image for image in before
    ]
    assert store.maps(clinic.id, first.image_id)

    claims = store.claim(9, lease_s=60)
    assert [claim.image_id for claim in claims] == [second.image_id, third.image_id]
    store.save([finished_image(claim) for claim in claims])
    end = checked(store, job)
    assert (end.status, end.counts.done, end.counts.cancelled) == (JobStatus.COMPLETE, 3, 2)


def test_a_retried_image_has_all_its_attempts_again(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(1))
    for _ in range(2):
        for _ in range(3):
            store.claim(1, lease_s=-1)
            store.take_back_expired(max_attempts=3)
        assert checked(store, job).counts.failed == 1
        assert store.claim(1, lease_s=60) == []
        store.retry_job(clinic.id, job.id)
    assert store.claim(1, lease_s=60)[0].attempts == 1


@pytest.mark.parametrize("verb", ["resume_job", "retry_job"])
def test_without_anything_to_do_again_nothing_changes(db, verb):
    store, clinic = db
    job = create_job(store, clinic.id, "job", [*new_images(2), REFUSED])
    store.save([finished_image(claim) for claim in store.claim(2, lease_s=60)])
    before = store.job(clinic.id, job.id)
    assert getattr(store, verb)(clinic.id, job.id) == before
    assert store.job(clinic.id, job.id) == before


@pytest.mark.parametrize("verb", ["resume_job", "retry_job"])
def test_speed_counts_from_when_work_began_again(db, verb):
    store, clinic = db
    job = create_job(store, clinic.id, "job", [*new_images(4), REFUSED])
    first, second = store.claim(2, lease_s=60)
    store.save([finished_image(first), failed(second)])
    started = store.job(clinic.id, job.id).started_at
    store.cancel_job(clinic.id, job.id)
    again = getattr(store, verb)(clinic.id, job.id)
    assert again.started_at is None
    assert again.images_per_second is None
    counts = again.counts
    assert again.started_with == counts.done + counts.rejected + counts.failed
    claims = store.claim(1, lease_s=60)
    working = store.job(clinic.id, job.id)
    assert working.started_at > started
    assert working.images_per_second is None
    store.save([finished_image(claim) for claim in claims])
    later = store.job(clinic.id, job.id)
    assert later.images_per_second > 0
    assert sum((later.counts.done, later.counts.rejected, later.counts.failed)) == (
        later.started_with + 1
    )


def test_retrying_while_the_job_runs_leaves_its_speed_known(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(6))
    store.save([failed(claim) for claim in store.claim(3, lease_s=60)])
    store.cancel_job(clinic.id, job.id)
    store.resume_job(clinic.id, job.id)
    store.retry_job(clinic.id, job.id)
    store.save([finished_image(claim) for claim in store.claim(1, lease_s=60)])
    assert checked(store, job).images_per_second > 0


def test_counters_hold_while_everything_happens_at_once(db):
    """Workers, a sweeper and a clinic that cannot make up its mind."""
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(120))
    other = create_job(store, clinic.id, "other", new_images(40))
    over = threading.Event()
    errors: list[Exception] = []

    def until_over(act) -> threading.Thread:
        def run() -> None:
            number = 0
            while not over.is_set():
                number += 1
                try:
                    act(number)
                except Exception as error:
                    errors.append(error)
                    return

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def work(number: int) -> None:
        claims = store.claim(4, lease_s=-1 if number % 5 == 0 else 60)
        store.save([failed(c) if c.image_id % 3 == 0 else finished_image(c) for c in claims])

    def sweep(_: int) -> None:
        store.take_back_expired(max_attempts=3)

    threads = [until_over(work), until_over(work), until_over(sweep)]
    try:
        for _ in range(12):
            store.cancel_job(clinic.id, job.id)
            store.resume_job(clinic.id, job.id)
            store.retry_job(clinic.id, job.id)
            checked_soon = store.job(clinic.id, job.id).counts
            assert min(getattr(checked_soon, status.value) for status in ImageStatus) >= 0
        store.delete_job(clinic.id, other.id)
        remove(store)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert errors == []
    checked(store, job)
    while claims := store.claim(50, lease_s=60):
        store.save([finished_image(claim) for claim in claims])
    end = checked(store, job)
    assert (end.status, end.counts.waiting + end.counts.running) == (JobStatus.COMPLETE, 0)


def test_two_clinics_cannot_touch_each_others_jobs(db):
    store, clinic = db
    job = create_job(store, clinic.id, "ours", new_images(3))
    first, _ = store.claim(2, lease_s=60)
    store.save([failed(first)])
    before = store.cancel_job(clinic.id, job.id)
    other = store.ensure_clinic("other", "another token").id
    for verb in (store.cancel_job, store.resume_job, store.retry_job, store.delete_job):
        with pytest.raises(NotFound):
            verb(other, job.id)
    assert checked(store, job) == before


def test_some_images_are_tried_again_or_cancelled(store, clinic):
    """Of two jobs and another clinic's: only those that are named, and can be."""
    first = create_job(store, clinic.id, "first", new_images(3))
    second = create_job(store, clinic.id, "second", new_images(2))
    other = store.ensure_clinic("other", "another token")
    their_job = create_job(store, other.id, "theirs", new_images(1))
    theirs = store.images(other.id, their_job.id).items[0].id
    store.save([failed(claim) for claim in store.claim(2, lease_s=60)])

    assert store.retry_images(clinic.id, [1, 3, theirs]) == 1, "3 waits"
    assert store.job(clinic.id, first.id).counts.failed == 1
    assert store.cancel_images(clinic.id, [1, 2, 4, 5, theirs]) == 3, "2 failed"
    assert store.job(clinic.id, first.id).counts.cancelled == 1
    ended = store.job(clinic.id, second.id)
    assert (ended.counts.cancelled, ended.status) == (2, JobStatus.COMPLETE)
    assert store.image(other.id, theirs).status is ImageStatus.WAITING
    assert store.retry_images(clinic.id, [1, 2]) == 1
