"""Files that kill or hang whatever decodes them: each costs itself, and nothing else."""

import pytest

from tests.faults.machine import NETWORK_SIZE
from tests.faults.sick_workers import SICKNESS, SLOW, SLOW_S
from tests.support.system import System
from tests.support.toys import toy_artifact
from tests.support.waiting import wait_for
from worker.records.images import ImageStatus
from worker.records.jobs import JobStatus
from worker.settings import Settings

GOOD = 80
ATTEMPTS = 2  # in company and alone; each costs the start of a worker


@pytest.fixture
def system(migrated_url, valkey_url, tmp_path):
    """Impatient."""
    settings = Settings(
        home=tmp_path / "home",
        artifact=toy_artifact(NETWORK_SIZE),
        database_url=migrated_url,
        redis_url=valkey_url,
        lease_s=3,
        image_limit_s=2,
        max_attempts=ATTEMPTS,
        sweep_interval_s=0.5,
    )
    system = System(settings)
    yield system
    system.close()


@pytest.mark.timeout(420)
@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_poisonous_file_costs_itself_and_can_be_tried_again(system, chest, tmp_path):
    poison = []
    for number, mark in enumerate(SICKNESS):
        poison.append(tmp_path / f"poison {number}.png")
        poison[-1].write_bytes(mark)
    share = GOOD // (len(poison) + 1)
    files = [chest] * (GOOD - share * len(poison))
    for one in poison:
        files += [one, *[chest] * share]
    job = system.upload(*files)
    system.start("cxr", "sweep")
    system.start("tests.faults.sick_workers")
    wait_for(lambda: system.complete(job), timeout_s=200)

    images = list(system.store.all_images(system.clinic.id, job.id))
    good = [image for image in images if not image.filename.startswith("poison")]
    assert len(good) == GOOD
    assert {image.status for image in good} == {ImageStatus.DONE}
    bad = [image for image in images if image.filename.startswith("poison")]
    assert len(bad) == len(SICKNESS)
    assert {(image.status, image.reason, image.attempts) for image in bad} == {
        (ImageStatus.FAILED, "worker_died", ATTEMPTS)
    }
    # In its company once, and then each alone.
    assert max(image.attempts for image in good) <= 2

    again = system.store.retry_job(system.clinic.id, job.id)
    assert again.status is JobStatus.RUNNING
    assert again.counts.waiting + again.counts.running == len(SICKNESS)
    system.processes[-1].terminate()
    system.processes[-1].wait(20)
    system.start_worker()
    wait_for(lambda: system.complete(job), timeout_s=120)
    results = {image.reason for image in system.store.all_images(system.clinic.id, job.id)}
    assert results == {None, "unsupported_format"}, "a healthy worker says what these files are"


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_a_slow_file_is_not_taken_for_a_dead_worker(system, chest, tmp_path):
    """It outlasts its lease once; its second attempt lasts as long as the watchdog lets it."""
    slow = tmp_path / "slow.png"
    slow.write_bytes(SLOW)
    patient = {"lease_s": 2, "image_limit_s": 10 * SLOW_S}
    job = system.upload(*[chest] * 4, slow, *[chest] * 4)
    system.start("cxr", "sweep", lease_s=600)
    system.start("tests.faults.sick_workers", **patient)
    wait_for(lambda: system.complete(job), timeout_s=120)
    images = {i.filename: i for i in system.store.all_images(system.clinic.id, job.id)}
    found = images["slow.png"]
    assert (found.status, found.reason) == (ImageStatus.REJECTED, "unsupported_format")
    assert found.attempts == 2
    assert images["chest.png"].status is ImageStatus.DONE


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_leases_of_ten_minutes_cause_no_double_work_beside_another_sweeper(system, chest, tmp_path):
    slow = tmp_path / "slow.png"
    slow.write_bytes(SLOW)
    job = system.upload(*[chest] * 100, slow, *[chest] * 100)
    system.start("cxr", "sweep", lease_s=2)
    system.start("tests.faults.sick_workers", lease_s=600, image_limit_s=10 * SLOW_S)
    wait_for(lambda: system.complete(job), timeout_s=120)
    attempts = {i.attempts for i in system.store.all_images(system.clinic.id, job.id)}
    assert attempts == {1}
