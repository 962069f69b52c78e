"""Fair shares: what each clinic gets while several wait, and urgent beside routine."""

from collections import Counter

import pytest
from sqlalchemy import select

from tests.support.rows import create_job, finished_image, new_images
from worker.patient_data import Profile
from worker.records.clinics import ClinicRecord
from worker.store.schema import Image
from worker.store.work.turns import URGENT_IN_A_ROW

BATCH = 4


@pytest.fixture
def clinics(db) -> list[ClinicRecord]:
    store, first = db
    others = [store.ensure_clinic(f"clinic {number}", f"token {number}") for number in (2, 3)]
    return [first, *others]


def work(store, batches: int) -> list[list]:
    """Claim and finish so many batches. Returns: their claims."""
    worked = []
    for _ in range(batches):
        claims = store.claim(BATCH, lease_s=60)
        assert store.save([finished_image(claim) for claim in claims]) == len(claims)
        worked.append(claims)
    return worked


def test_a_batch_goes_on_with_the_next_job_and_holds_no_more_than_was_asked_for(db):
    store, clinic = db
    jobs = [create_job(store, clinic.id, name, new_images(3)).id for name in ("one", "two")]
    first, second, third = (store.claim(BATCH, lease_s=60) for _ in range(3))
    assert [claim.job_id for claim in first] == [jobs[0]] * 3 + [jobs[1]]
    assert [claim.job_id for claim in second] == [jobs[1]] * 2
    assert third == []


def test_the_end_of_a_job_is_shared_among_workers(db):
    store, clinic = db
    first = create_job(store, clinic.id, "first", new_images(20)).id
    second = create_job(store, clinic.id, "second", new_images(3)).id
    taken = []
    while claims := store.claim(8, lease_s=60, share=2):
        taken.append([claim.job_id for claim in claims])
    # Half of what waits, or two: then what follows is of the next job.
    assert taken == [
        *([first] * 8, [first] * 6, [first] * 3, [first] * 2),
        *([first] + [second] * 2, [second]),
    ]


def test_small_jobs_still_share_a_batch(db):
    store, clinic = db
    for number in range(8):
        create_job(store, clinic.id, f"job {number}", new_images(1))
    assert len(store.claim(8, lease_s=60, share=4)) == 8


def test_files_are_cleaned_of_patients_as_their_own_clinic_wants_it(db, clinics):
    store, _ = db
    cleaned, plain, _ = clinics
    store.set_profile(cleaned.id, Profile.PSEUDONYM, False)
    for clinic in (cleaned, plain):
        create_job(store, clinic.id, "job", new_images(1))
    batches = work(store, 2)
    assert {claim.clinic_id: claim.cleaned for claims in batches for claim in claims} == {
        cleaned.id: True,
        plain.id: False,
    }


def test_ten_images_do_not_wait_behind_five_thousand(db, clinics):
    store, _ = db
    large, small, _ = clinics
    create_job(store, large.id, "large", new_images(5000))
    work(store, 3)
    job = create_job(store, small.id, "small", new_images(10))
    batches = 0
    while store.job(small.id, job.id).counts.done < 10:
        work(store, 1)
        batches += 1
    # Three batches are its own, and before each one of the other clinic may come.
    assert batches <= 6


def test_clinics_that_wait_get_the_same(db, clinics):
    store, _ = db
    for clinic, count in zip(clinics, (400, 200, 100), strict=True):
        create_job(store, clinic.id, "job", new_images(count))
    got = Counter(claim.clinic_id for claims in work(store, 60) for claim in claims)
    assert set(got.values()) == {80}


def test_a_clinic_that_was_idle_has_saved_nothing_up(db, clinics):
    store, _ = db
    busy, idle, third = clinics
    create_job(store, busy.id, "job", new_images(400))
    create_job(store, third.id, "job", new_images(400))
    work(store, 40)
    create_job(store, idle.id, "job", new_images(400))
    got = Counter(claims[0].clinic_id for claims in work(store, 30))
    assert max(got.values()) - min(got.values()) <= 1


def test_a_clinics_urgent_images_come_before_its_own_routine_ones_only(db, clinics):
    store, _ = db
    loud, quiet, _ = clinics
    create_job(store, loud.id, "routine", new_images(40))
    urgent = create_job(store, loud.id, "urgent", new_images(40), urgent=True)
    create_job(store, quiet.id, "routine", new_images(40))
    batches = work(store, 2 * URGENT_IN_A_ROW)
    assert Counter(claims[0].clinic_id for claims in batches) == {
        loud.id: URGENT_IN_A_ROW,
        quiet.id: URGENT_IN_A_ROW,
    }
    loud_jobs = {
        claim.job_id for claims in batches for claim in claims if claim.clinic_id == loud.id
    }
    assert loud_jobs == {urgent.id}


def test_urgent_images_without_end_do_not_starve_routine_ones(db):
    store, clinic = db
    routine = create_job(store, clinic.id, "routine", new_images(8))
    create_job(store, clinic.id, "urgent", new_images(200), urgent=True)
    jobs = [claims[0].job_id for claims in work(store, 2 * (URGENT_IN_A_ROW + 1))]
    at = [number for number, job_id in enumerate(jobs) if job_id == routine.id]
    assert at == [URGENT_IN_A_ROW, 2 * URGENT_IN_A_ROW + 1]


def test_a_single_urgent_image_never_waits_for_a_routine_turn(db):
    store, clinic = db
    create_job(store, clinic.id, "routine", new_images(100))
    for number in range(3 * URGENT_IN_A_ROW):
        urgent = create_job(store, clinic.id, f"urgent {number}", new_images(1), urgent=True)
        (claims,) = work(store, 1)
        assert [claim.job_id for claim in claims] == [urgent.id]
        work(store, 1)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_what_another_worker_is_about_to_take_hides_nobody_elses_images(db, clinics):
    """Rows that are locked are passed over (SQLite has one writer), another clinic's are found."""
    store, _ = db
    first, second, _ = clinics
    create_job(store, first.id, "job", new_images(2))
    theirs = create_job(store, second.id, "job", new_images(2))
    with store.database.writing() as session:
        session.execute(select(Image.id).where(Image.clinic_id == first.id).with_for_update())
        claims = store.claim(BATCH, lease_s=60)
    assert [claim.job_id for claim in claims] == [theirs.id] * 2
