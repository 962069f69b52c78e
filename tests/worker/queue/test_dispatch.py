"""Messages in a real Valkey server: sent once, and again when lost."""

import base64
import json
import os
from dataclasses import replace

import pytest
import redis

from tests.support.rows import create_job, new_images
from worker.liveness.sweeper import sweep, tidy
from worker.queue.application import QUEUE
from worker.queue.dispatch import IMAGES_PER_MESSAGE, MAX_MESSAGES, Dispatcher


@pytest.fixture
def queue(valkey_url) -> redis.Redis:
    return redis.Redis(unix_socket_path=valkey_url.removeprefix("redis+socket://"))


@pytest.fixture
def dispatcher(store, settings, valkey_url):
    dispatcher = Dispatcher(store, replace(settings, redis_url=valkey_url))
    yield dispatcher
    dispatcher.close()


def test_one_message_wakes_a_worker_for_a_batch(dispatcher, queue):
    assert dispatcher.wake(2 * IMAGES_PER_MESSAGE + 1) == 3
    assert dispatcher.queue_length() == queue.llen(QUEUE) == 3
    for raw in queue.lrange(QUEUE, 0, -1):
        message = json.loads(raw)
        assert message["headers"]["task"] == "worker.classify"
        assert json.loads(base64.b64decode(message["body"]))[:2] == [[], {}]
    assert dispatcher.wake(0) == 0


def test_a_large_job_needs_no_more_messages_than_there_are_workers(dispatcher, queue):
    assert dispatcher.wake(100_000) == MAX_MESSAGES
    assert dispatcher.wake(4) == 0
    assert queue.llen(QUEUE) == MAX_MESSAGES


def test_while_redis_is_unreachable_images_wait(store, clinic, settings):
    away = Dispatcher(store, settings)
    create_job(store, clinic.id, "job", new_images(2))
    assert away.wake(2) == away.send_waiting() == 0
    assert away.queue_length() is None
    assert store.waiting(10) == 2
    away.close()


def test_the_sweeper_sends_what_the_upload_could_not_and_what_redis_lost(
    store, clinic, dispatcher, settings, queue
):
    create_job(store, clinic.id, "job", new_images(2 * IMAGES_PER_MESSAGE))
    sweep(store, dispatcher, settings)
    assert queue.llen(QUEUE) == 2
    sweep(store, dispatcher, settings)
    assert queue.llen(QUEUE) == 2, "those in the queue are enough"
    queue.flushall()
    sweep(store, dispatcher, settings)
    assert queue.llen(QUEUE) == 2
    queue.flushall()
    store.claim(100, lease_s=60)
    sweep(store, dispatcher, settings)
    assert queue.llen(QUEUE) == 0, "nothing waits"


def test_files_of_no_job_are_deleted_after_a_day(store, clinic, files, settings):
    folders = {name: files.new_folder() for name in ("abandoned", "current", "of a job")}
    for folder in folders.values():
        folder.new_file().keep()
    create_job(store, clinic.id, "job", new_images(1), upload=folders["of a job"].name)
    for name in ("abandoned", "of a job"):
        os.utime(files.root / folders[name].name, (0, 0))
    tidy(store, files, settings)
    left = {entry.name for entry in files.root.iterdir()}
    assert left == {folders["current"].name, folders["of a job"].name}


def test_folders_that_are_not_of_uploads_are_left_alone(store, files, settings):
    foreign = files.root / "lost+found"
    foreign.mkdir(parents=True)
    os.utime(foreign, (0, 0))
    tidy(store, files, settings)
    assert foreign.exists()
