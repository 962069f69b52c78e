"""The heart of a worker: claim a batch, prepare it, classify it, save its results.

While a batch is in the network, a thread beside it saves the results of the batch before, so that
the disk keeps nobody waiting. Where the network computes on a GPU, that thread saves pictures, too,
and another one claims and prepares the batch after. On a processor there is nothing to gain by
that: there is a worker for each core, and two threads that share one get in each other's way. Only
an image that was tried before, and so may have ended a worker, has the process for itself.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy.exc import OperationalError

from model.classifier import Classifier
from worker.files.image_files import ImageFiles
from worker.files.locks import remove
from worker.liveness.pulse import Pulse
from worker.records.work import Claim, FinishedImage
from worker.running.finished import INTERNAL_ERROR, done, failed
from worker.running.preparing import Batch, Preparer
from worker.store import Store

log = logging.getLogger(__name__)

SAVE_AGAIN_AFTER_S = 0.5
HOLD_RESULTS_S = 300.0


class Runner:
    """Works off what waits in the store. One per process; not safe to share between threads.

    with_shadow: what it classifies waits for a shadow model after that.
    """

    def __init__(
        self,
        store: Store,
        files: ImageFiles,
        classifier: Classifier,
        pulse: Pulse,
        with_shadow: bool = False,
    ) -> None:
        self._store = store
        self._files = files
        self._classifier = classifier
        self._preparer = Preparer(store, files, classifier, pulse)
        self._pulse = pulse  # beats at every step, from three threads
        self._with_shadow = with_shadow

    def run(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Work until nothing waits or `stop()`. What was claimed is always finished.

        Returns: how many results were saved. Raises OperationalError while the database is
        unreachable (results are held for some minutes), MemoryError when an image needs more than
        there is: the caller ends the process, and the image is tried alone.
        """
        saved = 0
        with (
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="behind") as behind,
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as ahead,
        ):
            while not (batch := self._next_batch(behind, in_hand=False)).empty:
                saved += self._work_off(batch, ahead, behind, stop)
                if stop():
                    break
        return saved

    def _work_off(
        self,
        batch: Batch,
        ahead: ThreadPoolExecutor,
        behind: ThreadPoolExecutor,
        stop: Callable[[], bool],
    ) -> int:
        """This batch, and what can be done beside it and after it. Returns: results saved."""
        saved = 0
        saving: Future[int] | None = None
        while not batch.empty:
            # One that was tried before may end this process: nothing else must be in its hands.
            is_last = batch.tried or stop()
            beside = None
            if self._classifier.computes_elsewhere and not is_last:
                beside = ahead.submit(self._next_batch, behind, in_hand=True)
            finished = [*map(batch.noted, [*batch.refused, *self._classify(batch)])]
            if saving is not None:
                saved += saving.result()
            claims: Sequence[Claim] = ()
            try:
                # Before these results are saved: it would wait until they are on the disk.
                if not (is_last or beside or stop()):
                    claims = self._claim(in_hand=True)
            finally:
                saving = behind.submit(self._save, batch.pictures, finished)
            self._pulse.moved()
            batch = beside.result() if beside else self._prepared(claims, behind)
        return saved + saving.result()

    def _next_batch(self, behind: ThreadPoolExecutor, in_hand: bool) -> Batch:
        return self._prepared(self._claim(in_hand), behind)

    def _claim(self, in_hand: bool) -> Sequence[Claim]:
        return self._pulse.claim(self._classifier.batch_size, in_hand)

    def _prepared(self, claims: Sequence[Claim], behind: ThreadPoolExecutor) -> Batch:
        beside = behind if self._classifier.computes_elsewhere else None
        return self._preparer.batch(claims, beside)

    def _classify(self, batch: Batch) -> list[FinishedImage]:
        if not batch.claims:
            return []
        try:
            results = self._classifier.classify(batch.prepared)
        except MemoryError:
            raise
        except Exception:
            if len(batch.claims) == 1:
                log.exception("image %d could not be classified", batch.claims[0].image_id)
                return [failed(batch.claims[0], INTERNAL_ERROR)]
            # One of them may be at fault: find out which, and let the others pass.
            log.exception("a batch of %d could not be classified", len(batch.claims))
            return [
                finished_image
                for claim, prepared in zip(batch.claims, batch.prepared, strict=True)
                for finished_image in self._classify(Batch([claim], [prepared]))
            ]
        return [
            done(claim, prepared, result)
            for claim, prepared, result in zip(batch.claims, batch.prepared, results, strict=True)
        ]

    def _save(self, pictures: Sequence[Future[None]], finished: Sequence[FinishedImage]) -> int:
        """Save results, again and again while the database is unreachable: nobody can take the
        images meanwhile. Their pictures were begun before, in the same thread."""
        for picture in pictures:
            picture.result()
        for image in finished:
            if not image.keeps_file:
                # Before its row forgets it: after a crash in between, nothing of it is left.
                remove(self._files.path(image.claim.file_key))
        until = time.monotonic() + HOLD_RESULTS_S
        while True:
            self._pulse.moved()
            try:
                saved = self._store.save(finished, self._with_shadow)
                self._pulse.finished(saved)
                return saved
            except OperationalError as error:
                if time.monotonic() >= until:
                    raise
                log.warning("results wait for the database (%s)", type(error.orig).__name__)
                time.sleep(SAVE_AGAIN_AFTER_S)


class TimeSlice:
    """A `stop()` that turns true after `seconds`, or when `also` does."""

    def __init__(self, seconds: float, also: Callable[[], bool] = lambda: False) -> None:
        self._until = time.monotonic() + seconds
        self._also = also

    def __call__(self) -> bool:
        return self._also() or time.monotonic() >= self._until
