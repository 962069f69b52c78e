"""`python -m worker.liveness.release PROCESS`: gives back at once what a worker held that died.

The supervisor runs it, as a process of its own: a database that is locked or unreachable must not
hold up the supervisor, and what SQL needs in memory does not stay there.
"""

import sys
import time

from sqlalchemy.exc import DBAPIError

from worker.liveness.sweeper import report
from worker.logs import log_to_stderr
from worker.queue.dispatch import Dispatcher
from worker.records.images import ImageStatus
from worker.settings import Settings
from worker.store import Store

AGAIN_AFTER_S = 0.5
# The lease has ended by then, or nearly so, and the sweeper takes over.
GIVE_UP_AFTER_S = 60.0


def release(settings: Settings, worker_id: str) -> None:
    """Raises DBAPIError when the database stays unreachable."""
    store = Store(settings.database_url)
    until = time.monotonic() + GIVE_UP_AFTER_S
    while True:
        try:
            taken = store.take_back_from(worker_id, settings.max_attempts)
            break
        except DBAPIError:
            if time.monotonic() > until:
                raise
            time.sleep(AGAIN_AFTER_S)
    report("a worker died", taken)
    if taken[ImageStatus.WAITING]:
        # Other workers may be idle, and need a message.
        dispatcher = Dispatcher(store, settings)
        dispatcher.send_waiting()
        dispatcher.close()
    store.close()


if __name__ == "__main__":
    log_to_stderr()
    release(Settings.from_env(), sys.argv[1])
