"""A wake-up that reached a worker of another model than the job's."""

from dataclasses import replace

import pytest

from tests.support.databases import migrated_store
from tests.support.rows import create_job, new_images, worker_record
from worker.queue.dispatch import Dispatcher
from worker.running.passing_on import REST_S, pass_on
from worker.settings import Settings

OLD, NEW = "net-1", "net-2"


@pytest.fixture
def store(migrated_url):
    """With a job that a worker of OLD has begun, and that waits for one."""
    store = migrated_store(migrated_url)
    clinic = store.ensure_clinic("clinic", "token")
    create_job(store, clinic.id, "job", new_images(2))
    assert len(store.claim(1, lease_s=60, model=OLD)) == 1
    yield store
    store.close()


@pytest.fixture
def dispatcher(store, valkey_url, tmp_path):
    dispatcher = Dispatcher(store, Settings(home=tmp_path, redis_url=valkey_url))
    yield dispatcher
    dispatcher.close()


def test_it_goes_on_to_those_of_the_jobs_model(store, dispatcher):
    rests = []
    assert not pass_on(store, dispatcher, NEW, rests.append), "nobody is there to take it"
    store.register_worker(replace(worker_record("w-new"), model=NEW))
    assert not pass_on(store, dispatcher, NEW, rests.append)
    store.register_worker(replace(worker_record("w-old"), model=OLD))
    assert not pass_on(store, dispatcher, OLD, rests.append), "it was meant for this one"
    assert (dispatcher.queue_length(), rests) == (0, [])

    assert pass_on(store, dispatcher, NEW, rests.append)
    assert (dispatcher.queue_length(), rests) == (1, [REST_S])


def test_nothing_is_sent_for_what_nobody_waits_for(store, dispatcher):
    store.register_worker(replace(worker_record("w-old"), model=OLD))
    assert len(store.claim(1, lease_s=60, model=OLD)) == 1
    assert not pass_on(store, dispatcher, NEW, pytest.fail)
    assert dispatcher.queue_length() == 0
