"""Messages in a real Valkey server: sent once, and again when lost."""

import base64
import json
import os
from dataclasses import replace

import pytest
import redis

from tests.worker.conftest import new_images
from worker.queue.application import QUEUE
from worker.queue.dispatch import FIRST, Dispatcher
from worker.running.sweeper import sweep, tidy


@pytest.fixture
def queue(valkey_url) -> redis.Redis:
    return redis.Redis(unix_socket_path=valkey_url.removeprefix("redis+socket://"))


@pytest.fixture
def dispatcher(store, settings, valkey_url):
    dispatcher = Dispatcher(store, replace(settings, redis_url=valkey_url))
    yield dispatcher
    dispatcher.close()


def test_each_image_gets_one_message_with_its_id(store, clinic, dispatcher, queue):
    job = store.create_job(clinic.id, "job", new_images(3))
    ids = store.unsent(10)
    assert dispatcher.wake(job.id) == 3
    assert dispatcher.queue_length() == queue.llen(QUEUE) == 3
    bodies = []
    for raw in queue.lrange(QUEUE, 0, -1):
        message = json.loads(raw)
        assert message["headers"]["task"] == "worker.classify"
        bodies.append(json.loads(base64.b64decode(message["body"]))[0])
    assert sorted(bodies) == [[image_id] for image_id in ids]
    assert dispatcher.wake(job.id) == 0


def test_a_large_job_is_woken_at_once_and_sent_by_the_sweeper(
    store, clinic, dispatcher, settings, queue
):
    job = store.create_job(clinic.id, "job", new_images(FIRST + 20))
    assert dispatcher.wake(job.id) == FIRST
    sweep(store, dispatcher, settings)
    assert queue.llen(QUEUE) == FIRST + 20


def test_while_redis_is_away_rows_stay_unsent(store, clinic, settings):
    away = Dispatcher(store, settings)
    job = store.create_job(clinic.id, "job", new_images(2))
    assert away.wake(job.id) == away.send_waiting() == 0
    assert away.queue_length() is None
    assert len(store.unsent(10)) == 2
    away.close()


def test_the_sweeper_sends_what_the_upload_could_not(store, clinic, dispatcher, settings, queue):
    store.create_job(clinic.id, "job", new_images(2))
    sweep(store, dispatcher, settings)
    assert queue.llen(QUEUE) == 2


def test_messages_that_redis_lost_are_sent_again(store, clinic, dispatcher, queue):
    store.create_job(clinic.id, "job", new_images(2))
    dispatcher.send_waiting()
    assert dispatcher.send_again(older_than_s=0) == 0, "they are still in the queue"
    queue.flushall()
    assert dispatcher.send_again(older_than_s=60) == 0, "a worker may just have taken them"
    assert dispatcher.send_again(older_than_s=0) == 2
    assert queue.llen(QUEUE) == 2


def test_files_of_no_job_are_deleted_after_a_day(store, clinic, files):
    folders = {name: files.new_folder() for name in ("abandoned", "current", "of a job")}
    for folder in folders.values():
        folder.new_file().keep()
    store.create_job(clinic.id, "job", new_images(1), upload=folders["of a job"].name)
    for name in ("abandoned", "of a job"):
        os.utime(files.root / folders[name].name, (0, 0))
    tidy(store, files)
    left = {entry.name for entry in files.root.iterdir()}
    assert left == {folders["current"].name, folders["of a job"].name}


def test_folders_of_an_earlier_version_are_left_alone(store, files):
    earlier = files.root / "4f"
    earlier.mkdir(parents=True)
    os.utime(earlier, (0, 0))
    tidy(store, files)
    assert earlier.exists()
