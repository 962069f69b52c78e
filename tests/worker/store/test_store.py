"""The store on SQLite and PostgreSQL: what the web page and the API ask of it."""

import pytest

from tests.support.counts import count
from tests.support.rows import create_job, finished_image, new_images
from worker.errors import InvalidCursor, KeyTaken, NotFound
from worker.records.images import ImageFilter, ImageStatus
from worker.records.jobs import JobStatus, NewImage
from worker.store.schema import Image, Job


def test_a_token_opens_its_clinic_only(db):
    store, clinic = db
    other = store.ensure_clinic("other", "another token")
    assert store.principal_of_token("another token").clinic == other
    assert store.principal_of_token("nobody's token") is None
    assert store.ensure_clinic(clinic.name, "a second token").id == clinic.id
    assert store.principal_of_token("a second token").clinic == clinic


def test_a_new_job_waits(db):
    store, clinic = db
    job = create_job(store, clinic.id, "night shift", new_images(3))
    assert (job.status, job.counts.total, job.counts.waiting) == (JobStatus.RUNNING, 3, 3)
    assert job.progress == 0
    assert job.images_per_second is None
    assert store.job(clinic.id, job.id) == job


def test_files_refused_at_upload_are_counted_as_rejected(db):
    store, clinic = db
    broken = NewImage("a.zip/b.png", None, 0, reason="unreadable", message="It is broken.")
    job = create_job(store, clinic.id, "zip", [*new_images(1), broken])
    assert (job.counts.waiting, job.counts.rejected) == (1, 1)
    last = store.images(clinic.id, job.id).items[1]
    assert (last.status, last.reason) == (ImageStatus.REJECTED, "unreadable")
    assert last.finished_at is not None


def test_a_job_of_nothing_but_refused_files_is_complete(db):
    store, clinic = db
    broken = NewImage("a.png", None, 0, reason="unreadable", message="It is broken.")
    job = create_job(store, clinic.id, "zip", [broken])
    assert job.status is JobStatus.COMPLETE
    assert job.progress == 1


def test_another_clinic_sees_nothing(db):
    store, clinic = db
    job = create_job(store, clinic.id, "ours", new_images(1))
    image = store.images(clinic.id, job.id).items[0]
    claim = store.claim(1, lease_s=60)[0]
    store.save([finished_image(claim)])
    other = store.ensure_clinic("other", "another token").id
    assert store.jobs(other).items == []
    for ask in (
        lambda: store.job(other, job.id),
        lambda: store.images(other, job.id),
        lambda: list(store.all_images(other, job.id)),
        lambda: store.image(other, image.id),
        lambda: store.maps(other, image.id),
        lambda: store.place(other, image.id, job.id),
        lambda: store.place(other, image.id, None),
        lambda: store.cancel_job(other, job.id),
    ):
        with pytest.raises(NotFound):
            ask()


def test_pages_of_images_come_in_upload_order_without_gaps(db):
    store, clinic = db
    create_job(store, clinic.id, "before", new_images(2))
    job = create_job(store, clinic.id, "job", new_images(7))
    create_job(store, clinic.id, "after", new_images(2))
    names, cursor = [], None
    while True:
        page = store.images(clinic.id, job.id, cursor=cursor, limit=3)
        names += [image.filename for image in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert names == [f"{number}.png" for number in range(7)]
    assert [image.filename for image in store.all_images(clinic.id, job.id)] == names


def test_images_are_filtered_by_status_and_label(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(4))
    claims = store.claim(3, lease_s=60)
    store.save([finished_image(claims[0], "NORMAL"), finished_image(claims[1], "COVID19")])

    def names(**wanted):
        page = store.images(clinic.id, job.id, ImageFilter(**wanted))
        return [image.filename for image in page.items]

    assert names(statuses=(ImageStatus.DONE,)) == ["0.png", "1.png"]
    assert names(statuses=(ImageStatus.RUNNING,)) == ["2.png"]
    assert names(labels=("COVID19",)) == ["1.png"]
    assert names(statuses=(ImageStatus.WAITING,), labels=("COVID19",)) == []


def test_jobs_come_newest_first(db):
    store, clinic = db
    ids = [create_job(store, clinic.id, f"job {n}", new_images(1)).id for n in range(5)]
    first = store.jobs(clinic.id, limit=3)
    rest = store.jobs(clinic.id, cursor=first.next_cursor, limit=3)
    assert [job.id for job in [*first.items, *rest.items]] == ids[::-1]
    assert rest.next_cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "ünï", "bm90IGEgbnVtYmVy", "=" * 9])
def test_a_made_up_cursor_is_refused(db, cursor):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(1))
    with pytest.raises(InvalidCursor):
        store.images(clinic.id, job.id, cursor=cursor)


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
