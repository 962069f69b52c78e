"""Connections to Redis that recover soon after it was unreachable. For kombu 5.7."""

from collections.abc import Callable
from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection
from kombu.transport import virtual
from kombu.transport.base import Transport

# Seconds between two attempts to connect: the first, what is added each time, the longest.
PAUSES_S = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 3}


class PromptConnection(Connection):
    """Looks for a lost Redis every few seconds, where kombu's own pauses grow to half a minute, and
    is not stopped by a message that could not be acknowledged."""

    def _ensure_connection(self, *args: Any, **options: Any) -> Any:
        return super()._ensure_connection(*args, **PAUSES_S | options)

    def create_transport(self) -> Transport:
        transport = super().create_transport()
        transport.Channel = _forgetful(transport.Channel)
        return transport


def amqp(while_unreachable: Callable[[], None]) -> type[AMQP]:
    """What Celery makes its connections with."""

    class WatchedConnection(PromptConnection):
        def _ensure_connection(
            self, *args: Any, callback: Callable[[], None] | None = None, **options: Any
        ) -> Any:
            def every_second() -> None:
                while_unreachable()
                if callback:
                    callback()

            return super()._ensure_connection(*args, callback=every_second, **options)

    return type("Amqp", (AMQP,), {"Connection": WatchedConnection})


def _forgetful(channel: type[virtual.Channel]) -> type[virtual.Channel]:
    """The same kind of channel, which forgets a message also when Redis cannot be told.

    A worker takes one message at a time. kombu counts one as not acknowledged when Redis is
    unreachable at that moment, so it would never take another, nor notice that its connection
    is gone. Ours are wake-ups: nothing depends on them, and Redis gives back what it was not
    told of.
    """

    class QoS(channel.QoS):
        def ack(self, delivery_tag: str) -> None:
            try:
                super().ack(delivery_tag)
            except Exception:
                virtual.QoS.ack(self, delivery_tag)
                raise

    return type(channel.__name__, (channel,), {"QoS": QoS})
