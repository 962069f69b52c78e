"""Cancel, resume, retry, delete: what a clinic does with a job, whatever workers do meanwhile."""

import contextlib
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from tests.support.databases import migrated_store
from tests.support.results import rejected
from tests.support.rows import create_job, finished_image, new_images
from worker.errors import KeyTaken, NotFound, TooManyWaiting
from worker.records.images import ImageStatus
from worker.records.jobs import Acceptance, Arriving, JobRecord, JobStatus, NewImage
from worker.records.work import Claim, FinishedImage
from worker.store import Store
from worker.store.jobs import control, receiving
from worker.store.rows import now
from worker.store.schema import Image, Job, Result, ResultMap

REFUSED = NewImage("broken.png", None, 0, reason="unreadable", message="It is broken.")


def failure(claim: Claim) -> FinishedImage:
    return FinishedImage(claim, ImageStatus.FAILED, reason="internal_error", message="It failed.")


def checked(store: Store, job: JobRecord) -> JobRecord:
    """The job now, once its counters are what its rows say."""
    with store.database.reading() as session:
        by_status = select(Image.status, func.count()).where(Image.job_id == job.id)
        rows = Counter(dict(session.execute(by_status.group_by(Image.status)).all()))
    found = store.job(job.clinic_id, job.id)
    assert {status: getattr(found.counts, status.value) for status in ImageStatus} == {
        status: rows[status] for status in ImageStatus
    }
    assert found.counts.total == rows.total()
    return found


def statuses(store: Store, job: JobRecord) -> list[str]:
    return [image.status.value for image in store.all_images(job.clinic_id, job.id)]


def remove(store: Store) -> list[str]:
    """Remove what was deleted, in small chunks. Returns: the keys of the files."""
    keys = []
    for job in store.deleted_jobs():
        while store.remove_images(job.id, 2, keys.extend):
            pass
        store.remove_job(job.id)
    return keys


def count(store: Store, table: type) -> int:
    with store.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


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
    store.save([finished_image(first, "COVID19"), failure(second), failure(third)])
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
    store.save([finished_image(first), failure(second)])
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
    store.save([failure(claim) for claim in store.claim(3, lease_s=60)])
    store.cancel_job(clinic.id, job.id)
    store.resume_job(clinic.id, job.id)
    store.retry_job(clinic.id, job.id)
    store.save([finished_image(claim) for claim in store.claim(1, lease_s=60)])
    assert checked(store, job).images_per_second > 0


def test_a_deleted_job_leaves_nothing(db):
    store, clinic = db
    kept = create_job(store, clinic.id, "kept", new_images(1))
    store.save([finished_image(claim) for claim in store.claim(1, lease_s=60)])
    job = create_job(store, clinic.id, "job", [*new_images(3), REFUSED])
    store.save([finished_image(claim) for claim in store.claim(2, lease_s=60)])
    store.delete_job(clinic.id, job.id)
    with pytest.raises(NotFound):
        store.job(clinic.id, job.id)
    with pytest.raises(NotFound):
        store.delete_job(clinic.id, job.id)
    assert store.claim(10, lease_s=60) == []
    assert remove(store) == ["00/0", "00/1", "00/2"]
    assert [count(store, table) for table in (Job, Image, Result, ResultMap)] == [1, 1, 1, 1]
    assert checked(store, kept).counts.done == 1


def test_deleted_images_leave_nothing_and_their_jobs_count_right(db):
    store, clinic = db
    jobs = [create_job(store, clinic.id, name, [*new_images(4), REFUSED]) for name in "ab"]
    store.save([finished_image(claim) for claim in store.claim(2, lease_s=60)])
    late = store.claim(1, lease_s=60)
    store.save([failure(claim) for claim in store.claim(1, lease_s=60)])
    before = {status: count(store, table) for status, table in (("r", Result), ("m", ResultMap))}
    assert before["r"] == 2
    store.cancel_job(clinic.id, jobs[1].id)
    ids = [image.id for image in store.all_images(clinic.id, None)]
    assert store.delete_images(clinic.id + 1, ids) == 0
    gone = [number for number in ids if number not in (ids[0], ids[-1])]
    assert store.delete_images(clinic.id, [*gone, 10**9]) == len(gone)
    for job in jobs:
        assert checked(store, job).counts.total == 1
    assert store.delete_images(clinic.id, gone) == 0
    assert store.take_back_expired(3) == {}
    assert store.claim(9, lease_s=60) == []
    assert store.save([finished_image(claim) for claim in late]) in (0, 1), "removed or not yet"
    assert len(remove(store)) == sum(1 for number in gone if number != ids[4])
    assert count(store, Image) == 2
    assert count(store, Result) == 1
    assert count(store, Job) == 2


def test_a_late_save_for_a_deleted_job_has_no_effect(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(2))
    held = store.claim(2, lease_s=60)
    store.delete_job(clinic.id, job.id)
    remove(store)
    following = create_job(store, clinic.id, "following", new_images(2))
    store.claim(1, lease_s=60)
    assert store.save([finished_image(held[0], "COVID19"), failure(held[1])]) == 0
    assert statuses(store, following) == ["running", "waiting"]
    assert checked(store, following).counts.running == 1
    assert store.take_back_expired(max_attempts=3) == {}
    assert count(store, Result) + count(store, ResultMap) == 0


def test_a_batch_of_which_one_job_was_deleted_saves_the_others(db):
    store, clinic = db
    gone = create_job(store, clinic.id, "gone", new_images(1))
    stays = create_job(store, clinic.id, "stays", new_images(1))
    claims = store.claim(2, lease_s=60)
    store.delete_job(clinic.id, gone.id)
    remove(store)
    assert store.save([finished_image(claim) for claim in claims]) == 1
    assert checked(store, stays).status is JobStatus.COMPLETE


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
        store.save([failure(c) if c.image_id % 3 == 0 else finished_image(c) for c in claims])

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


@pytest.mark.parametrize("verb", ["cancel_job", "resume_job"])
def test_what_is_deleted_while_another_request_waits_for_it_is_gone_for_both(
    migrated_postgres_url, verb
):
    """On PostgreSQL only: SQLite lets one write at a time, so nobody waits in between."""
    store = migrated_store(migrated_postgres_url)
    clinic = store.ensure_clinic("clinic", "token")
    job = create_job(store, clinic.id, "job", new_images(2))
    if verb == "resume_job":
        store.cancel_job(clinic.id, job.id)
    answers: list[object] = []

    def second() -> None:
        try:
            answers.append(getattr(store, verb)(clinic.id, job.id))
        except Exception as error:
            answers.append(error)

    waiting = threading.Thread(target=second)
    with store.database.writing() as session:
        # As `delete_job` does, but slowly.
        of_job = select(Image).where(Image.job_id == job.id)
        session.scalars(of_job.with_for_update()).all()
        waiting.start()
        waiting.join(0.5)
        deleted = session.get(Job, job.id, with_for_update=True)
        deleted.deleted_at = now()
    waiting.join(10)
    store.close()
    assert isinstance(answers[0], NotFound)


def test_two_clinics_cannot_touch_each_others_jobs(db):
    store, clinic = db
    job = create_job(store, clinic.id, "ours", new_images(3))
    first, _ = store.claim(2, lease_s=60)
    store.save([failure(first)])
    before = store.cancel_job(clinic.id, job.id)
    other = store.ensure_clinic("other", "another token").id
    for verb in (store.cancel_job, store.resume_job, store.retry_job, store.delete_job):
        with pytest.raises(NotFound):
            verb(other, job.id)
    assert checked(store, job) == before


def test_numbers_are_used_once(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(2))
    images = {image.id for image in store.all_images(clinic.id, job.id)}
    store.delete_job(clinic.id, job.id)
    remove(store)
    following = create_job(store, clinic.id, "following", new_images(2))
    assert following.id > job.id
    assert min(image.id for image in store.all_images(clinic.id, following.id)) > max(images)


def test_an_idempotency_key_is_taken_once_in_a_clinic(db):
    store, clinic = db
    other = store.ensure_clinic("other", "another token").id
    ours = create_job(store, clinic.id, "ours", new_images(1), idempotency_key="monday")
    with pytest.raises(KeyTaken):
        create_job(store, clinic.id, "again", new_images(2), idempotency_key="monday")
    theirs = create_job(store, other, "theirs", new_images(1), idempotency_key="monday")
    assert store.job_of_key(clinic.id, "monday") == ours
    assert store.job_of_key(other, "monday") == theirs
    assert store.job_of_key(clinic.id, "tuesday") is None
    assert (count(store, Job), count(store, Image)) == (2, 2)
    # Jobs without a key are never the same one.
    create_job(store, clinic.id, "none", new_images(1))
    create_job(store, clinic.id, "none", new_images(1))


def test_the_key_of_a_deleted_job_is_free_again(db):
    store, clinic = db
    job = create_job(store, clinic.id, "ours", new_images(1), idempotency_key="monday")
    store.delete_job(clinic.id, job.id)
    assert store.job_of_key(clinic.id, "monday") is None
    create_job(store, clinic.id, "ours", new_images(1), idempotency_key="monday")


def test_upload_folders_are_known_while_their_job_is(db):
    store, clinic = db
    job = create_job(store, clinic.id, "ours", new_images(1), upload="aa")
    assert store.known_uploads(["aa", "bb"]) == {"aa"}
    store.delete_job(clinic.id, job.id)
    assert store.known_uploads(["aa", "bb"]) == {"aa"}, "its files are still there"
    remove(store)
    assert store.known_uploads(["aa", "bb"]) == set()


def test_some_images_are_tried_again_or_cancelled(store, clinic):
    """Of two jobs and another clinic's: only those that are named, and can be."""
    first = create_job(store, clinic.id, "first", new_images(3))
    second = create_job(store, clinic.id, "second", new_images(2))
    other = store.ensure_clinic("other", "another token")
    their_job = create_job(store, other.id, "theirs", new_images(1))
    theirs = store.images(other.id, their_job.id).items[0].id
    store.save([failure(claim) for claim in store.claim(2, lease_s=60)])

    assert store.retry_images(clinic.id, [1, 3, theirs]) == 1, "3 waits"
    assert store.job(clinic.id, first.id).counts.failed == 1
    assert store.cancel_images(clinic.id, [1, 2, 4, 5, theirs]) == 3, "2 failed"
    assert store.job(clinic.id, first.id).counts.cancelled == 1
    ended = store.job(clinic.id, second.id)
    assert (ended.counts.cancelled, ended.status) == (2, JobStatus.COMPLETE)
    assert store.image(other.id, theirs).status is ImageStatus.WAITING
    assert store.retry_images(clinic.id, [1, 2]) == 1


def upload_two(store: Store, clinic_id: int, job: JobRecord, max_waiting: int) -> None:
    arriving = Arriving(clinic_id, f"upload {job.id}", False, max_waiting=max_waiting)
    store.accept(arriving, 0, new_images(2), Acceptance(name="", urgent=False))


LET_WAIT = {
    "retry_job": lambda store, *those: store.retry_job(those[0], those[1].id, those[2]),
    "retry_images": lambda store, clinic_id, job, max_waiting: store.retry_images(
        clinic_id, [image.id for image in store.all_images(clinic_id, job.id)], max_waiting
    ),
    "resume_job": lambda store, *those: store.resume_job(those[0], those[1].id, those[2]),
    "classify_anyway": lambda store, clinic_id, job, max_waiting: [
        store.classify_anyway(clinic_id, image.id, "who", max_waiting)
        for image in store.all_images(clinic_id, job.id)
    ],
    "accept": upload_two,
}


@pytest.mark.parametrize("verb", LET_WAIT)
def test_two_at_the_same_moment_keep_to_the_images_that_may_wait(db, monkeypatch, verb):
    """Each has counted before the other is done: two of them may wait, or two, not four."""
    store, clinic = db
    both = [create_job(store, clinic.id, "job", new_images(2)) for _ in range(2)]
    if verb == "resume_job":
        for job in both:
            store.cancel_job(clinic.id, job.id)
    else:
        end = rejected if verb == "classify_anyway" else failure
        store.save([end(claim) for claim in store.claim(4, lease_s=60)])
    met = threading.Barrier(2)

    def check_and_meet(*arguments) -> None:
        check_room(*arguments)
        with contextlib.suppress(threading.BrokenBarrierError):
            met.wait(0.3)  # the other one may have to wait for us instead

    check_room = control.check_room
    for module in control, receiving:
        monkeypatch.setattr(module, "check_room", check_and_meet)

    def attempt(job: JobRecord) -> str:
        try:
            LET_WAIT[verb](store, clinic.id, job, 3)
        except TooManyWaiting as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(attempt, both))
    waiting = sum(job.counts.waiting for job in store.jobs(clinic.id).items)
    assert waiting == (3 if verb == "classify_anyway" else 2)
    assert said[0] == ""
    added = 1 if verb == "classify_anyway" else 2
    assert said[1].startswith(
        f"{waiting} images of your clinic wait, {added} would be added, and at most 3 may wait."
    )
