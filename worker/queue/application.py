"""The Celery application: one queue, one task name, one acknowledgement policy."""

from collections.abc import Callable

from celery import Celery
from kombu import Queue

from worker.queue.broker import amqp
from worker.settings import Settings

CLASSIFY = "worker.classify"
QUEUE = "cxr-classify"


def make_celery(settings: Settings, while_unreachable: Callable[[], None] = lambda: None) -> Celery:
    """A Celery application on `settings.redis_url`, with no task registered yet.

    There is no result backend: the result is the image's row. `while_unreachable` is called every
    second while a consumer waits for Redis.
    """
    app = Celery(
        "cxr-batch", broker=settings.redis_url, amqp=amqp(while_unreachable), set_as_current=False
    )
    app.conf.update(
        task_queues=[Queue(QUEUE)],
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        # A message is a wake-up: acknowledged when its work is saved, and given back when the
        # worker dies in between.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_concurrency=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A Redis that is full answers with an error: wait for it as for one that is unreachable.
        broker_channel_error_retry=True,
        broker_transport_options={
            "visibility_timeout": 3600,
            # The defaults look for lost messages only about every 100 s.
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            # A sender must learn within seconds that Redis is unreachable: the upload waits for it.
            "socket_connect_timeout": 2,
        },
    )
    return app
