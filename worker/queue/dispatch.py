"""Sending wake-ups: `worker.classify` messages, one for several images, after their rows.

A message carries nothing: the rows say what there is to do, and a worker that is awake goes on
until nothing waits. So a message too many costs a moment, one too few is sent by the sweeper, and
how many are wanted follows from how many images wait.
"""

import logging
import time
from math import ceil

from celery import Celery
from kombu.exceptions import OperationalError

from worker.queue.application import CLASSIFY, QUEUE, make_celery
from worker.settings import Settings
from worker.store import Store

log = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 5
# Half the batch of a worker on a CPU: with more, a small job would leave an idle worker asleep.
IMAGES_PER_MESSAGE = 4
# In the queue at once: one for each worker that may be idle, and more.
MAX_MESSAGES = 64


class Dispatcher:
    """Wakes workers. Safe to share between threads."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._celery: Celery = make_celery(settings)
        # An upload waits for this: try again once, at once, and leave the rest to the sweeper.
        self._celery.conf.broker_transport_options |= {
            "socket_timeout": ANSWER_TIMEOUT_S,
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
        }
        # An upload wakes workers again and again: while Redis is unreachable, it waits for it once.
        self._rest_until = 0.0

    def wake(self, images: int) -> int:
        """Wake workers for so many images that begin to wait. Returns: how many messages were sent.

        Does not raise while Redis is unreachable: the sweeper sends them later.
        """
        if not images or time.monotonic() < self._rest_until:
            return 0
        return self._send(ceil(images / IMAGES_PER_MESSAGE), MAX_MESSAGES)

    def send_waiting(self) -> int:
        """See to it that the queue holds messages for what waits. Returns: how many were sent.

        Those in the queue count, so nothing is sent twice while workers are on their way.
        """
        images = self._store.waiting(MAX_MESSAGES * IMAGES_PER_MESSAGE)
        wanted = ceil(images / IMAGES_PER_MESSAGE)
        return self._send(wanted, wanted) if wanted else 0

    def queue_length(self) -> int | None:
        """Messages in the queue; None while Redis is unreachable."""
        try:
            with self._celery.connection_for_read() as connection:
                return connection.default_channel.client.llen(QUEUE)
        except (OperationalError, OSError, *_redis_errors(self._celery)):
            return None

    def close(self) -> None:
        self._celery.close()

    def _send(self, messages: int, max_in_queue: int) -> int:
        sent = 0
        try:
            with self._celery.producer_pool.acquire(block=True) as producer:
                room = max_in_queue - producer.channel.client.llen(QUEUE)
                while sent < min(messages, room):
                    self._celery.send_task(CLASSIFY, producer=producer, retry=False)
                    sent += 1
        except (OperationalError, OSError, *_redis_errors(self._celery)) as error:
            log.warning("Redis is unreachable (%s): sent later", type(error).__name__)
            self._rest_until = time.monotonic() + ANSWER_TIMEOUT_S
        return sent


def _redis_errors(app: Celery) -> tuple[type[Exception], ...]:
    with app.connection_for_write() as connection:
        return connection.connection_errors + connection.channel_errors
