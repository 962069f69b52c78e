"""A wake-up that reached a worker of the wrong model goes on to one of the right model.

Messages say nothing about models, so with two models in a fleet a worker may take one that was
meant for another: without this, its images would wait for the sweeper's next round.
"""

from collections.abc import Callable

from worker.queue.dispatch import Dispatcher
from worker.store import Store

# A worker that passed a wake-up on leaves it to the others for so long.
REST_S = 0.5


def pass_on(
    store: Store, dispatcher: Dispatcher, model: str, rest: Callable[[float], object]
) -> bool:
    """After a wake-up that found nothing for `model`: send it on, if it was for another.

    rest: waits for the seconds that it is given; while all workers of that model are busy, the
    message comes back here. Returns: whether it was sent on.
    """
    others = store.models_waited_for() - {model}
    if not others or others.isdisjoint(worker.model for worker in store.workers_up()):
        return False
    dispatcher.wake(1)
    rest(REST_S)
    return True
