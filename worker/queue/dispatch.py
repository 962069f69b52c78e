"""Sending wake-ups: one `worker.classify` message per image, after the row is committed."""

import logging

from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy.exc import OperationalError as DatabaseAway

from worker.queue.application import CLASSIFY, QUEUE, make_celery
from worker.settings import Settings
from worker.store import Store

log = logging.getLogger(__name__)

CHUNK = 500
ANSWER_TIMEOUT_S = 5
# Messages of a new job that its upload waits for: one for each worker that may be idle, and more.
FIRST = 64


class Dispatcher:
    """Sends the messages of waiting images. Safe to share between threads."""

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

    def wake(self, job_id: int) -> int:
        """Send the first messages of a new job: enough to wake every worker. Returns: how many.

        The sweeper sends the rest, so that an upload of thousands is answered at once. Does not
        raise while Redis or the database is away: the job is accepted, and the sweeper tries again.
        """
        try:
            return self._send(self._store.unsent(FIRST, job_id))
        except DatabaseAway as error:
            log.warning("the database is away (%s)", type(error.orig).__name__)
            return 0

    def send_waiting(self) -> int:
        """Send what was never sent. Returns: how many messages went out, 0 while Redis is away."""
        total = 0
        while sent := self._send(self._store.unsent(CHUNK)):
            total += sent
        return total

    def send_again(self, older_than_s: float) -> int:
        """Wake workers for images whose messages are gone (Redis lost them). Returns: how many.

        Only when the queue is empty: as long as messages are in it, workers are on their way.
        """
        image_ids = self._store.stale(older_than_s, CHUNK)
        return self._send(image_ids) if image_ids and self.queue_length() == 0 else 0

    def queue_length(self) -> int | None:
        """Messages in the queue; None while Redis is away."""
        try:
            with self._celery.connection_for_read() as connection:
                return connection.default_channel.client.llen(QUEUE)
        except (OperationalError, OSError, *_redis_errors(self._celery)):
            return None

    def close(self) -> None:
        self._celery.close()

    def _send(self, image_ids: list[int]) -> int:
        try:
            with self._celery.producer_pool.acquire(block=True) as producer:
                for image_id in image_ids:
                    self._celery.send_task(
                        CLASSIFY, args=(image_id,), producer=producer, retry=False
                    )
        except (OperationalError, OSError, *_redis_errors(self._celery)) as error:
            log.warning("Redis is away (%s): the sweeper will send later", type(error).__name__)
            return 0
        self._store.mark_sent(image_ids)
        return len(image_ids)


def _redis_errors(app: Celery) -> tuple[type[Exception], ...]:
    with app.connection_for_write() as connection:
        return connection.connection_errors + connection.channel_errors
