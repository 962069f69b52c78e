"""Deleted jobs and images: what goes, what stays, and what workers may still save."""

import threading

import pytest
from sqlalchemy import select

from tests.support.counts import checked, count, remove, statuses
from tests.support.databases import migrated_store
from tests.support.results import failed
from tests.support.rows import create_job, finished_image, new_images
from worker.errors import NotFound
from worker.records.jobs import JobStatus, NewImage
from worker.store.rows import now
from worker.store.schema import Image, Job, Result, ResultMap

REFUSED = NewImage("broken.png", None, 0, reason="unreadable", message="It is broken.")


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
    store.save([failed(claim) for claim in store.claim(1, lease_s=60)])
    assert count(store, Result) == 2
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
    assert store.save([finished_image(held[0], "COVID19"), failed(held[1])]) == 0
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


def test_numbers_are_used_once(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(2))
    images = {image.id for image in store.all_images(clinic.id, job.id)}
    store.delete_job(clinic.id, job.id)
    remove(store)
    following = create_job(store, clinic.id, "following", new_images(2))
    assert following.id > job.id
    assert min(image.id for image in store.all_images(clinic.id, following.id)) > max(images)


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
