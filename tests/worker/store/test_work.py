"""Claiming and saving: nothing lost, nothing twice, whoever dies in between."""

import threading
from collections import Counter
from dataclasses import replace

import numpy as np
from sqlalchemy import func, select

from model.scores import GateScore, Triage
from tests.support.rows import create_job, finished_image, new_images
from worker.records.images import ImageStatus, MapRecord
from worker.records.jobs import JobStatus
from worker.store.schema import ResultMap


def test_a_result_is_saved_with_its_attention_map(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(1))
    (claim,) = store.claim(8, lease_s=60)
    assert (claim.job_id, claim.clinic_id, claim.attempts) == (job.id, clinic.id, 1)
    assert store.save([finished_image(claim, "PNEUMONIA")]) == 1
    image = store.image(clinic.id, claim.image_id)
    result = image.result
    assert (image.status, result.label, result.model) == (ImageStatus.DONE, "PNEUMONIA", "test-1")
    assert result.probabilities == {"COVID19": 0.1, "NORMAL": 0.1, "PNEUMONIA": 0.8}
    assert list(result.probabilities) == ["COVID19", "NORMAL", "PNEUMONIA"]
    assert (image.width, image.height, image.gate) == (640, 480, GateScore("gate-1", 0.75))
    assert result.timings_ms == {"infer": 12.5}
    (attention,) = store.maps(clinic.id, claim.image_id)
    assert attention.grid.dtype == np.float16
    np.testing.assert_array_equal(attention.grid, finished_image(claim).result.maps[0].grid)
    assert attention.box == (0.1, 0.2, 0.9, 0.8)
    finished = store.job(clinic.id, job.id)
    assert (finished.status, finished.counts.done, finished.progress) == (JobStatus.COMPLETE, 1, 1)
    assert finished.started_at <= finished.finished_at


def test_maps_of_one_shape_share_a_row(db):
    store, clinic = db
    create_job(store, clinic.id, "job", new_images(1))
    (claim,) = store.claim(1, lease_s=60)
    finished = finished_image(claim)
    random = np.random.default_rng(0)
    box = (0.0, 0.25, 1.0, 0.75)
    maps = [
        MapRecord(name, random.normal(size=(side, side)).astype(np.float16), box)
        for name, side in (("attention", 10), ("evidence_A", 10), ("evidence_B", 10), ("deep", 4))
    ]
    triage = Triage(0.5, 0.75)
    doubts = ("close_call", "frame_not_found")
    result = replace(finished.result, maps=maps, uncertain_reasons=doubts, triage=triage)
    store.save([replace(finished, result=result)])

    kept = store.maps(clinic.id, claim.image_id)
    assert [one.name for one in kept] == ["attention", "evidence_A", "evidence_B", "deep"]
    for one, given in zip(kept, maps, strict=True):
        np.testing.assert_array_equal(one.grid, given.grid)
        assert one.box == box
    with store.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ResultMap)) == 2
    found = store.image(clinic.id, claim.image_id).result
    assert found.uncertain_reasons == doubts
    assert found.triage == triage
    assert not found.triage.flagged


def test_claims_come_in_order_and_urgent_ones_first_and_alone(db):
    store, clinic = db
    create_job(store, clinic.id, "bulk", new_images(4))
    first = store.claim(2, lease_s=60)
    urgent = create_job(store, clinic.id, "urgent", new_images(1), urgent=True)
    second, third = store.claim(2, lease_s=60), store.claim(2, lease_s=60)
    assert [claim.file_key for claim in first] == ["00/0", "00/1"]
    assert [claim.job_id for claim in second] == [urgent.id]
    assert [claim.file_key for claim in third] == ["00/2", "00/3"]


def test_two_workers_never_hold_the_same_image(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(200))
    claimed: Counter = Counter()
    lock = threading.Lock()

    def work() -> None:
        while claims := store.claim(7, lease_s=60):
            with lock:
                claimed.update(claim.image_id for claim in claims)
            assert store.save([finished_image(claim) for claim in claims]) == len(claims)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(claimed) == 200
    assert set(claimed.values()) == {1}
    finished = store.job(clinic.id, job.id)
    assert finished.status is JobStatus.COMPLETE
    assert finished.counts.done == 200


def test_a_worker_given_up_for_dead_cannot_overwrite_its_successor(db):
    store, clinic = db
    create_job(store, clinic.id, "job", new_images(1))
    (lost,) = store.claim(1, lease_s=-1)
    assert store.take_back_expired(max_attempts=3) == {ImageStatus.WAITING: 1}
    (again,) = store.claim(1, lease_s=60)
    assert again.attempts == 2
    assert store.save([finished_image(lost, "COVID19")]) == 0
    assert store.save([finished_image(again, "NORMAL")]) == 1
    assert store.save([finished_image(again, "COVID19")]) == 0
    assert store.image(clinic.id, again.image_id).result.label == "NORMAL"


def test_an_image_that_was_tried_before_is_tried_alone(db):
    store, clinic = db
    create_job(store, clinic.id, "job", new_images(4))
    store.claim(2, lease_s=-1)
    store.take_back_expired(max_attempts=3)
    assert store.claim(4, lease_s=60, in_hand=True) == []
    sizes = [len(store.claim(4, lease_s=60)) for _ in range(4)]
    assert sizes == [1, 1, 2, 0]


def test_an_image_is_given_up_after_so_many_attempts(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(1))
    for _ in range(2):
        store.claim(1, lease_s=-1)
        assert store.take_back_expired(max_attempts=3) == {ImageStatus.WAITING: 1}
    store.claim(1, lease_s=-1)
    assert store.take_back_expired(max_attempts=3) == {ImageStatus.FAILED: 1}
    image = store.images(clinic.id, job.id).items[0]
    assert (image.status, image.reason) == (ImageStatus.FAILED, "worker_died")
    assert "3 times" in image.message
    assert store.job(clinic.id, job.id).status is JobStatus.COMPLETE


def test_a_lease_that_runs_is_left_alone(db):
    store, clinic = db
    create_job(store, clinic.id, "job", new_images(1))
    store.claim(1, lease_s=60)
    assert store.take_back_expired(max_attempts=3) == {}


def test_an_expired_image_of_a_cancelled_job_is_cancelled(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(1))
    store.claim(1, lease_s=-1)
    store.cancel_job(clinic.id, job.id)
    assert store.take_back_expired(max_attempts=3) == {ImageStatus.CANCELLED: 1}
    assert store.job(clinic.id, job.id).counts.cancelled == 1


def test_what_waits_is_counted_up_to_a_limit(db):
    store, clinic = db
    create_job(store, clinic.id, "job", new_images(3))
    assert (store.waiting(10), store.waiting(2)) == (3, 2)
    store.claim(1, lease_s=-1)
    assert store.waiting(10) == 2
    store.take_back_expired(max_attempts=3)
    assert store.waiting(10) == 3
