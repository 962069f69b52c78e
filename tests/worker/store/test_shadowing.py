"""Tasks of the shadow model: each image once, and only for comparison."""

from dataclasses import replace

import pytest

from tests.support.results import rejected, work
from tests.support.rows import create_job, finished_image, new_images
from worker.records.images import ImageFilter, ImageStatus
from worker.records.jobs import Acceptance, Arriving
from worker.records.work import NewResult
from worker.store import Store

OTHER = NewResult("shadow-1", "FLU", {"FLU": 0.75, "NORMAL": 0.25}, uncertain=False)
SAME = NewResult("shadow-1", "NORMAL", {"FLU": 0.25, "NORMAL": 0.75}, uncertain=False)


def classify(store: Store, limit: int = 9, result=finished_image) -> None:
    claims = store.claim(limit, lease_s=60)
    store.save([result(one) for one in claims], with_shadow=True)


def ids(claims) -> list[int]:
    return [claim.image_id for claim in claims]


def test_images_with_a_result_are_given_out_once_the_newest_first(db):
    store, clinic = db
    create_job(store, clinic.id, "job", new_images(4))
    classify(store, 3)
    classify(store, 1, rejected)
    assert store.waiting_for_shadow() == 3
    first = store.claim_for_shadow(2)
    assert ids(first) == [3, 2]
    assert (first[0].clinic_id, first[0].file_key) == (clinic.id, "00/2")
    assert ids(store.claim_for_shadow(2)) == [1]
    assert store.claim_for_shadow(2) == []


def test_the_backlog_of_one_clinic_does_not_keep_the_shadow_from_another(db):
    store, first = db
    second = store.ensure_clinic("second", "another token")
    for clinic in (first, second):
        create_job(store, clinic.id, "job", new_images(50))
    classify(store, 50)
    classify(store, 50)
    given = [claim for _ in range(25) for claim in store.claim_for_shadow(2)]
    assert {claim.clinic_id for claim in given} == {first.id, second.id}
    given += [claim for _ in range(30) for claim in store.claim_for_shadow(2)]
    assert len(set(ids(given))) == 100


def test_the_oldest_that_waits_for_the_shadow_is_of_whichever_clinic(db):
    store, first = db
    assert store.oldest_for_shadow() is None
    second = store.ensure_clinic("second", "another token")
    jobs = [create_job(store, clinic.id, "job", new_images(2)) for clinic in (second, first)]
    classify(store)
    classify(store)
    uploaded = {
        job.clinic_id: store.images(job.clinic_id, job.id).items[0].created_at for job in jobs
    }
    assert store.oldest_for_shadow() == uploaded[second.id]
    (claim, _) = store.claim_for_shadow(2)
    del uploaded[claim.clinic_id]
    assert store.oldest_for_shadow() == next(iter(uploaded.values()))


def test_without_a_shadow_model_nothing_waits_for_one(db):
    store, clinic = db
    create_job(store, clinic.id, "job", new_images(1))
    work(store, 1, finished_image)
    assert store.waiting_for_shadow() == 0


def test_what_a_shadow_says_changes_neither_the_image_nor_its_job(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(2))
    classify(store)
    before = store.images(clinic.id, job.id).items, store.job(clinic.id, job.id)
    second, first = store.claim_for_shadow(2)
    store.save_shadows({first: OTHER, second: SAME})
    assert (store.images(clinic.id, job.id).items, store.job(clinic.id, job.id)) == before
    differing = ImageFilter(differs_from="shadow-1")
    found = store.images(clinic.id, job.id, differing).items
    assert [image.id for image in found] == [first.image_id]
    (numbers,) = store.shadows(clinic.id)
    assert numbers.counts == {("NORMAL", "FLU"): 1, ("NORMAL", "NORMAL"): 1}


def test_there_is_one_result_for_an_image_and_a_model(db):
    store, clinic = db
    create_job(store, clinic.id, "job", new_images(1))
    classify(store)
    (claim,) = store.claim_for_shadow(1)
    for said in (SAME, OTHER, replace(OTHER, model="test-1"), replace(OTHER, model="shadow-2")):
        store.save_shadows({claim: said})
    counts = {one.shadow: dict(one.counts) for one in store.shadows(clinic.id)}
    assert counts == {
        "shadow-1": {("NORMAL", "NORMAL"): 1},
        "shadow-2": {("NORMAL", "FLU"): 1},
    }
    assert store.image(clinic.id, 1).result.label == "NORMAL"


@pytest.mark.parametrize("is_claimed", [True, False])
def test_deleted_images_are_nothing_for_a_shadow(db, is_claimed):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(2))
    classify(store)
    claims = store.claim_for_shadow(2) if is_claimed else []
    store.delete_job(clinic.id, job.id)
    assert store.claim_for_shadow(1) == []
    assert store.remove_images(job.id, 9, lambda keys: None) == 2
    assert store.waiting_for_shadow() == 0
    store.save_shadows(dict.fromkeys(claims, SAME))
    assert store.shadows(clinic.id) == []


def test_the_result_is_where_its_image_has_gone(db):
    store, clinic = db
    into = store.accept(Arriving(clinic.id, "a" * 32), 0, new_images(1), Acceptance(open=True))
    part = Arriving(clinic.id, "b" * 32, part_of=into.id)
    store.add_images(part, 0, new_images(1))
    classify(store)
    added, first = store.claim_for_shadow(2)
    store.save_shadows({first: SAME})
    store.accept(part, 1, [], Acceptance())
    store.save_shadows({added: SAME})
    (numbers,) = store.shadows(clinic.id)
    assert numbers.counts == {("NORMAL", "NORMAL"): 2}
    assert store.job(clinic.id, into.id).counts.done == 2
    assert store.image(clinic.id, added.image_id).status is ImageStatus.DONE
