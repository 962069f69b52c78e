"""Leases: who holds what and for how long, by the row alone."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from tests.support.rows import create_job, finished_image, new_images, worker_record
from worker.records.images import ImageStatus
from worker.store.schema import Image
from worker.store.work.workers import SILENT_AFTER_S


@pytest.fixture
def claimed(db):
    """Two images of a job, in the hands of the worker `this` for 60 s."""
    store, clinic = db
    store.register_worker(worker_record("this"))
    job = create_job(store, clinic.id, "job", new_images(2))
    return store, clinic, job, store.claim(2, lease_s=60, holder="this")


def left_s(store) -> list[float]:
    """Seconds that the leases still run."""
    with store.database.reading() as session:
        return list(
            session.scalars(
                select(store.database.seconds_until(Image.lease_until)).order_by(Image.id)
            )
        )


def set_leases(store, **values) -> None:
    with store.database.writing() as session:
        session.execute(update(Image).values(**values))


def test_a_beat_renews_what_this_worker_holds_and_nothing_else(claimed):
    store, clinic, _, _ = claimed
    create_job(store, clinic.id, "another", new_images(1))
    store.claim(1, lease_s=60, holder="another")
    assert store.beat("this", lease_s=300)
    assert [round(left / 60) for left in left_s(store)] == [5, 5, 1]
    assert store.beat("this", lease_s=20), "and shortens it again"
    assert [round(left / 20) for left in left_s(store)] == [1, 1, 3]


def test_a_renewed_lease_proves_itself_by_its_token_still(claimed):
    store, clinic, job, claims = claimed
    store.beat("this", lease_s=300)
    assert store.save([finished_image(claim) for claim in claims]) == 2
    store.beat("this", lease_s=300)
    assert store.job(clinic.id, job.id).counts.done == 2
    with store.database.reading() as session:
        assert session.scalar(select(Image.lease_until).limit(1)) is None


def test_a_lease_is_judged_by_its_own_length(claimed):
    """Ten minutes' leases are not taken for a clock that was set back, whoever sweeps."""
    store, *_ = claimed
    store.beat("this", lease_s=600)
    assert store.take_back_expired(max_attempts=3) == {}
    set_leases(store, lease_s=20.0)
    assert store.take_back_expired(max_attempts=3) == {ImageStatus.WAITING: 2}


def test_a_clock_that_was_set_back_is_noticed(claimed):
    store, *_ = claimed
    set_leases(store, lease_until=datetime.now(UTC) + timedelta(seconds=119))
    assert store.take_back_expired(max_attempts=3) == {}
    set_leases(store, lease_until=datetime.now(UTC) + timedelta(seconds=140))
    assert store.take_back_expired(max_attempts=3) == {ImageStatus.WAITING: 2}


def test_a_lease_of_the_version_before_has_no_length_and_still_ends(claimed):
    store, *_ = claimed
    set_leases(store, lease_s=None, lease_holder=None)
    assert store.take_back_expired(max_attempts=3) == {}
    set_leases(store, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert store.take_back_expired(max_attempts=3) == {ImageStatus.WAITING: 2}


def test_what_a_dead_worker_held_goes_back_at_once(claimed):
    store, clinic, job, claims = claimed
    create_job(store, clinic.id, "another", new_images(1))
    store.claim(1, lease_s=60, holder="another")
    assert store.take_back_from("this", max_attempts=3) == {ImageStatus.WAITING: 2}
    counts = store.job(clinic.id, job.id).counts
    assert (counts.waiting, counts.running) == (2, 0)
    assert [image.attempts for image in store.images(clinic.id, job.id).items] == [1, 1]
    assert store.waiting(10) == 2
    assert store.save([finished_image(claim) for claim in claims]) == 0, "it is not dead, but late"
    assert store.take_back_from("this", max_attempts=3) == {}


def test_what_kills_worker_after_worker_is_given_up(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(1))
    for _ in range(2):
        store.claim(1, lease_s=60, holder="this")
        assert store.take_back_from("this", max_attempts=3) == {ImageStatus.WAITING: 1}
    store.claim(1, lease_s=60, holder="this")
    assert store.take_back_from("this", max_attempts=3) == {ImageStatus.FAILED: 1}
    (image,) = store.images(clinic.id, job.id).items
    assert (image.status, image.reason) == (ImageStatus.FAILED, "worker_died")


def test_a_worker_is_up_while_it_is_seen(db):
    store, _ = db
    this = worker_record("this")
    assert store.workers_up() == []
    assert not store.beat("this", lease_s=20), "nobody knows it"
    store.register_worker(this)
    store.register_worker(this)
    assert store.workers_up() == [this]
    see(store, "this", ago_s=SILENT_AFTER_S + 1)
    assert store.workers_up() == []
    assert store.beat("this", lease_s=20)
    assert store.workers_up() == [this]
    store.forget_worker("this")
    assert store.workers_up() == []


def test_a_worker_on_a_slow_image_is_up_as_long_as_its_lease_runs(claimed):
    store, *_ = claimed
    see(store, "this", ago_s=50)
    assert [worker.id for worker in store.workers_up()] == ["this"]
    set_leases(store, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert store.workers_up() == []


def test_a_dead_worker_is_not_up_and_one_that_was_silent_for_long_is_forgotten(claimed):
    store, *_ = claimed
    store.take_back_from("this", max_attempts=3)
    assert store.workers_up() == []
    store.register_worker(worker_record("old"))
    see(store, "old", ago_s=5000)
    store.register_worker(worker_record("new"))
    assert store.forget_silent_workers(3600) == 1
    assert [worker.id for worker in store.workers_up()] == ["new"]


def see(store, worker_id: str, ago_s: float) -> None:
    seen_at = datetime.now(UTC) - timedelta(seconds=ago_s)
    shown = seen_at if store.database.url.get_backend_name() != "sqlite" else str(seen_at)[:26]
    with store.database.writing() as session:
        session.execute(
            text("UPDATE workers SET seen_at = :shown WHERE id = :id"),
            {"shown": shown, "id": worker_id},
        )
