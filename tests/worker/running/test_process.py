"""Real Celery worker processes with the real model: what they do, and what survives their death."""

import os
import signal
import time

import pytest
import redis
from sqlalchemy import select

from tests.support.system import System
from tests.support.waiting import wait_for
from worker.liveness.heartbeat import is_alive
from worker.liveness.sweeper import sweep
from worker.queue.application import QUEUE
from worker.records.images import ImageStatus
from worker.settings import Settings
from worker.store.schema import Worker

BATCH = 4  # images that a worker on a CPU claims at a time


@pytest.fixture
def system(migrated_url, valkey_url, tmp_path):
    """On SQLite and on PostgreSQL."""
    system = System(
        Settings(home=tmp_path / "home", database_url=migrated_url, redis_url=valkey_url)
    )
    yield system
    system.close()


def test_a_chest_is_classified_and_a_leg_refused(system, radiographs):
    system.start_worker()
    job = system.upload(radiographs["RG1_UNCR"], radiographs["RG1_J2KR"], radiographs["RG3_J2KR"])
    wait_for(lambda: system.complete(job), timeout_s=60)
    chest, compressed, leg = system.store.all_images(system.clinic.id, job.id)
    assert chest.status is compressed.status is ImageStatus.DONE
    assert list(chest.result.probabilities) == ["COVID19", "NORMAL", "PNEUMONIA"]
    assert sum(chest.result.probabilities.values()) == pytest.approx(1, abs=1e-3)
    probabilities = chest.result.probabilities
    assert chest.result.label == max(probabilities, key=probabilities.get)
    assert chest.result.label == compressed.result.label, "lossless compression changes nothing"
    assert (leg.status, leg.reason) == (ImageStatus.REJECTED, "not_a_chest_xray")
    grid = system.store.maps(system.clinic.id, chest.id)[0].grid
    assert grid.min() >= 0
    assert grid.max() <= 1
    assert grid.std() > 0.001, "an attention map that is the same everywhere says nothing"


def test_nothing_is_lost_when_a_worker_is_killed(system, chest):
    doomed = system.start_worker(lease_s=2)
    job = system.upload(*[chest] * 40)
    wait_for(lambda: system.store.job(system.clinic.id, job.id).counts.done, timeout_s=60)
    doomed.send_signal(signal.SIGKILL)
    assert not system.complete(job)
    system.start_worker()

    def swept_to_the_end() -> bool:
        sweep(system.store, system.dispatcher, system.settings)
        return system.complete(job)

    wait_for(swept_to_the_end, timeout_s=60, every_s=0.3)
    assert system.results(job) == [ImageStatus.DONE] * 40


def test_what_a_dead_worker_held_goes_back_at_once(system, chest):
    """Under its supervisor: neither the lease, ten minutes here, nor a sweeper is needed for it."""
    supervisor = system.start_worker(workers=2, lease_s=600)
    wait_for(lambda: len(system.store.workers_up()) == 2, timeout_s=60)
    job = system.upload(*[chest] * 200)
    busy = wait_for(lambda: system.busy_worker(), timeout_s=60, every_s=0.005)
    os.kill(busy.pid, signal.SIGKILL)
    wait_for(lambda: system.complete(job), timeout_s=90)
    assert system.results(job) == [ImageStatus.DONE] * 200
    assert busy.id not in {worker.id for worker in system.store.workers_up()}
    attempts = [image.attempts for image in system.store.all_images(system.clinic.id, job.id)]
    assert 200 < sum(attempts) <= 200 + 3 * BATCH, "what it had in hand was done again"
    supervisor.terminate()
    assert supervisor.wait(30) == 0
    assert system.store.workers_up() == []


def test_health_is_not_fooled_by_a_file_that_a_killed_worker_left(system):
    worker = system.start_worker()
    wait_for(lambda: is_alive(system.settings.home, "worker", 90), timeout_s=30)
    assert system.start("cxr", "health", "worker").wait(30) == 0
    worker.kill()
    worker.wait()
    assert system.start("cxr", "health", "worker").wait(30) == 1


def test_an_idle_worker_is_up_and_one_that_ended_is_not(system):
    worker = system.start_worker(lease_s=2)  # so that it beats twice a second
    (first,) = wait_for(system.store.workers_up, timeout_s=60)
    assert (first.pid, first.device) == (worker.pid, "cpu")
    seen = seen_at(system)
    wait_for(lambda: seen_at(system) > seen, timeout_s=20)
    worker.send_signal(signal.SIGSTOP)  # its consumer hangs
    time.sleep(1)
    seen = seen_at(system)
    time.sleep(2)
    assert seen_at(system) == seen
    worker.send_signal(signal.SIGCONT)
    wait_for(lambda: seen_at(system) > seen, timeout_s=20)
    worker.terminate()
    assert worker.wait(20) == 0
    assert system.store.workers_up() == []


def seen_at(system):
    with system.store.database.reading() as session:
        return session.scalar(select(Worker.seen_at))


def test_a_worker_lives_while_redis_is_unreachable(system, valkey_url):
    """It waits for it in Celery's own loop, where no timer fires."""
    system.start_worker(lease_s=2, redis_url="redis://127.0.0.1:1/0")
    wait_for(system.store.workers_up, timeout_s=60)
    seen = seen_at(system)
    wait_for(lambda: seen_at(system) > seen, timeout_s=20)


def test_nothing_is_lost_when_redis_forgets_everything(system, chest, valkey_url):
    job = system.upload(*[chest] * 3)
    queue = redis.Redis(unix_socket_path=valkey_url.removeprefix("redis+socket://"))
    assert queue.llen(QUEUE) == 1
    queue.flushall()
    system.start_worker()
    wait_for(lambda: is_alive(system.settings.home, "worker", 90), timeout_s=30)
    assert system.dispatcher.send_waiting() == 1
    wait_for(lambda: system.complete(job), timeout_s=60)


def test_a_row_whose_message_was_never_sent_is_found(system, chest):
    system.start_worker()
    job = system.upload(chest, send=False)
    sweep(system.store, system.dispatcher, system.settings)
    wait_for(lambda: system.complete(job), timeout_s=60)


def test_sigterm_ends_a_worker_cleanly_between_batches(system, chest):
    worker = system.start_worker()
    job = system.upload(*[chest] * 60)
    wait_for(lambda: system.store.job(system.clinic.id, job.id).counts.done, timeout_s=60)
    worker.terminate()
    assert worker.wait(20) == 0
    counts = system.store.job(system.clinic.id, job.id).counts
    assert counts.running == 0, "what was claimed is finished"
    assert counts.waiting > 0, "what was not claimed waits"
    assert not is_alive(system.settings.home, "worker", 90)


def test_a_worker_without_a_model_says_so_and_stops(system, tmp_path):
    worker = system.start_worker(artifact=tmp_path / "nothing here")
    assert worker.wait(30) == 1
    assert "nothing here" in worker.stderr.read()
