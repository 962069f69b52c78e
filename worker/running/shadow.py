"""`python -m worker.running.shadow`: a second model classifies what already has its result.

It is a process of its own, so whatever a new model does (fail, hang, end its process, take minutes)
happens to no result. It rests while anything waits for the model in use, and leaves the processor
to workers that begin meanwhile. Therefore it decodes each file again: a worker could not keep the
pictures of a large job until there is time for them.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from model.classifier import Classifier
from model.errors import Rejection
from worker.errors import FileDamaged, FileLocked, worker_errors
from worker.files.image_files import ImageFiles
from worker.liveness.pulse import Pulse
from worker.liveness.watchdog import Watchdog
from worker.logs import log_to_stderr
from worker.records.images import ResultRole
from worker.records.work import NewResult, ShadowClaim
from worker.running.finished import new_result
from worker.running.identity import this_process
from worker.settings import Settings
from worker.store import Store
from worker.store.migrations import check_up_to_date

log = logging.getLogger(__name__)

# Fewer than would keep an upload that arrives meanwhile waiting for its first result.
AT_ONCE = 4
REST_S = 1.0
NICENESS = 10  # a tenth of a worker's share of a core that both want


class Shadow:
    """Works off the tasks of the shadow model while nothing else waits."""

    def __init__(
        self,
        store: Store,
        files: ImageFiles,
        classifier: Classifier,
        moved: Callable[[], None] = lambda: None,
        finished: Callable[[int], None] = lambda images: None,
    ) -> None:
        """moved: is told at every image. finished: is told how many results were saved."""
        self._store = store
        self._files = files
        self._classifier = classifier
        self._moved = moved
        self._finished = finished

    def step(self) -> bool:
        """Classify a few images. Returns: whether there was something to do."""
        if self._store.waiting(1):
            return False
        claims = self._store.claim_for_shadow(AT_ONCE)
        results: dict[ShadowClaim, NewResult] = {}
        try:
            for claim in claims:
                self._moved()
                if result := self._classify(claim):
                    results[claim] = result
        finally:
            self._store.save_shadows(results)
        self._finished(len(results))
        return bool(claims)

    def _classify(self, claim: ShadowClaim) -> NewResult | None:
        if claim.file_key is None:
            return None
        try:
            content = self._files.read(self._files.path(claim.file_key))
            # Whatever the gate says: the image has its result.
            prepared = self._classifier.prepare(content, waived=True)
            (result,) = self._classifier.classify([prepared])
            return new_result(prepared, result)
        except FileNotFoundError:  # deleted meanwhile
            return None
        except (Rejection, FileLocked, FileDamaged, OSError) as error:
            log.warning("the shadow left out image %d (%s)", claim.image_id, type(error).__name__)
        except MemoryError:
            raise
        except Exception:
            log.exception("the shadow failed on image %d", claim.image_id)
        return None


def run_shadow(settings: Settings, stopping: threading.Event) -> None:
    """Until `stopping`; outlives a lost database. Raises ModelError when there is no usable model,
    DatabaseOutOfDate, FileLocked."""
    os.nice(NICENESS)
    store = Store(settings.database_url)
    check_up_to_date(store.database)
    # On the processor, where a GPU's memory is another's.
    classifier = Classifier.load(settings.shadow_artifact)
    pulse = Pulse(
        store,
        this_process("cpu", classifier.version, ResultRole.SHADOW),
        settings.lease_s,
        settings.image_limit_s,
        Watchdog(settings.image_limit_s),
    )
    shadow = Shadow(store, ImageFiles.of(settings), classifier, pulse.moved, pulse.finished)
    try:
        while not stopping.is_set():
            try:
                rests = not shadow.step()
            except OperationalError as error:
                log.warning("the database is unreachable (%s)", type(error.orig).__name__)
                rests = True
            pulse.rest()
            pulse.beat()
            if rests:
                stopping.wait(REST_S)
    finally:
        pulse.stop()
        store.close()


def main() -> None:
    log_to_stderr()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    run_shadow(Settings.from_env(), stopping)


if __name__ == "__main__":
    with worker_errors():
        main()
