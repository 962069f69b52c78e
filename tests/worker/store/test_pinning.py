"""A job belongs to the model that began it."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from tests.support.results import shadow
from tests.support.rows import create_job, finished_image, new_images
from worker.records.images import ImageFilter
from worker.records.jobs import Acceptance, Arriving
from worker.records.work import Claim, WorkerRecord
from worker.store import Store

OLD, NEW = "net-1", "net-2"


def claim(store: Store, model: str, limit: int = 2) -> list[Claim]:
    return store.claim(limit, lease_s=60, model=model)


def start_worker(store: Store, model: str, number: int = 1) -> None:
    worker = WorkerRecord(
        id=f"{model}-{number}",
        host="here",
        pid=number,
        device="cpu",
        model=model,
        started_at=datetime.now(UTC),
    )
    store.register_worker(worker)


def test_workers_of_two_models_never_mix_in_one_job(db):
    store, clinic = db
    first = create_job(store, clinic.id, "first", new_images(5))
    second = create_job(store, clinic.id, "second", new_images(5))
    assert store.job(clinic.id, first.id).model is None
    assert {one.job_id for one in claim(store, OLD)} == {first.id}
    assert {one.job_id for one in claim(store, NEW)} == {second.id}
    assert {one.job_id for one in claim(store, OLD, limit=9)} == {first.id}
    assert [store.job(clinic.id, job.id).model for job in (first, second)] == [OLD, NEW]
    assert claim(store, OLD) == []
    assert len(claim(store, NEW, limit=9)) == 3


def test_a_job_of_another_model_holds_nobody_up(db):
    store, clinic = db
    theirs = create_job(store, clinic.id, "theirs", new_images(3000), urgent=True)
    claim(store, OLD)
    other = store.ensure_clinic("other", "token 2")
    for owner in (clinic, other):
        job = create_job(store, owner.id, "ours", new_images(1))
        assert [one.job_id for one in claim(store, NEW)] == [job.id]
    assert store.job(clinic.id, theirs.id).counts.waiting == 2998


def test_a_batch_spans_jobs_and_pins_them_all(db):
    store, clinic = db
    jobs = [create_job(store, clinic.id, f"job {n}", new_images(1)) for n in range(3)]
    assert [one.job_id for one in claim(store, NEW, limit=8)] == [job.id for job in jobs]
    assert {store.job(clinic.id, job.id).model for job in jobs} == {NEW}


def test_retried_images_stay_with_their_model(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(3))
    claim(store, OLD)
    store.cancel_job(clinic.id, job.id)
    store.resume_job(clinic.id, job.id)
    assert claim(store, NEW) == []
    assert len(claim(store, OLD)) == 1


def test_resume_frees_a_job_whose_model_is_gone_for_the_one_at_hand(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(4))
    start_worker(store, OLD)
    store.save([finished_image(one) for one in claim(store, OLD)])
    assert store.resume_job(clinic.id, job.id).model == OLD, "its workers are up"
    store.forget_worker(f"{OLD}-1")
    assert store.resume_job(clinic.id, job.id).model == OLD, "nobody is there to take it"
    start_worker(store, NEW)
    assert claim(store, NEW) == [], "never without being asked"
    before = store.job(clinic.id, job.id)
    freed = store.resume_job(clinic.id, job.id)
    assert (freed.model, freed.counts.waiting) == (None, 2)
    assert freed.revision > before.revision, "who polls gets to know"
    assert len(claim(store, NEW)) == 2
    assert store.job(clinic.id, job.id).model == NEW


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_of_two_workers_that_begin_a_job_at_once_one_gets_it(db):
    """SQLite has one writer; on PostgreSQL the other one commits between our read and our pin."""
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(4))
    raced = []

    def take_it_first(connection, cursor, statement, parameters, context, many) -> None:
        if statement.startswith("UPDATE jobs SET revision") and not raced:
            raced.append(None)
            raced.extend(claim(store, OLD))

    event.listen(store.database.engine, "before_cursor_execute", take_it_first)
    assert claim(store, NEW) == []
    event.remove(store.database.engine, "before_cursor_execute", take_it_first)
    assert len(raced) == 3
    found = store.job(clinic.id, job.id)
    assert (found.model, found.counts.waiting, found.counts.running) == (OLD, 2, 2)
    assert len(claim(store, OLD, limit=9)) == 2


def test_a_shadow_result_is_kept_and_never_shown(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(1))
    (one,) = claim(store, OLD)
    store.save([finished_image(one, "NORMAL")])
    shown = store.image(clinic.id, one.image_id)
    shadow(store, clinic.id, {one.image_id: {"FLU": 1.0}}, NEW)
    assert store.image(clinic.id, one.image_id) == shown
    assert store.images(clinic.id, job.id).items == [shown]
    assert store.images(clinic.id, job.id, ImageFilter(labels=("NORMAL",))).items == [shown]
    assert store.job(clinic.id, job.id).labels == tuple(shown.result.probabilities)
    assert [found.name for found in store.maps(clinic.id, one.image_id)] == ["attention"]
    store.delete_job(clinic.id, job.id)


def test_what_is_added_to_an_open_job_goes_by_its_model(db):
    store, clinic = db
    into = store.accept(Arriving(clinic.id, "a" * 32), 0, new_images(1), Acceptance(open=True))
    part = Arriving(clinic.id, "b" * 32, part_of=into.id)
    store.add_images(part, 0, new_images(2))
    (first,) = claim(store, OLD, limit=1)
    assert first.job_id == into.id
    assert claim(store, NEW) == []
    store.save([finished_image(one) for one in [first, *claim(store, OLD, limit=9)]])
    job = store.accept(part, 2, [], Acceptance())
    assert (job.id, job.model, job.counts.done) == (into.id, OLD, 3)
    assert job.labels == ("COVID19", "NORMAL", "PNEUMONIA")
