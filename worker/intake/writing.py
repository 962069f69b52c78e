"""Rows of an upload, written in small groups while its files still arrive."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from sqlalchemy.exc import OperationalError

from worker.files.incoming import UploadFolder
from worker.records.jobs import Acceptance, Arriving, JobRecord, NewImage
from worker.store import Store

log = logging.getLogger(__name__)

# A file waits so long for others, to share a transaction with them: the first ones briefly, since
# workers have nothing to do yet.
FIRST_GATHER_S, GATHER_S = 0.02, 0.25
MAX_GROUP = 500
# A sign of life goes into the job's row so often, as long as bytes arrive.
TOUCH_EVERY_S = 10.0
# A database that is unreachable is asked again for so long.
OUTAGE_S, AGAIN_AFTER_S = 10.0, 0.5

Entry = tuple[NewImage, Future[str] | None]


class RowWriter:
    """Writes images in their order, each once its file is durable, and wakes workers for them.

    A thread of its own writes; what goes wrong there is raised to whoever calls next.
    """

    def __init__(
        self,
        store: Store,
        folder: UploadFolder,
        arriving: Callable[[], Arriving],
        wake: Callable[[int], object],
    ) -> None:
        self._store = store
        self._folder = folder
        self._arriving = arriving
        self._wake = wake
        self._entries: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._giving_up = threading.Event()
        self._moved = False
        self._as: Arriving | None = None
        self._written = 0
        self._last_group: list[NewImage] = []

    @property
    def begun(self) -> bool:
        """Whether the database may know of the upload."""
        return self._as is not None

    def put(self, image: NewImage, kept: Future[str] | None) -> None:
        """Raises what went wrong with an earlier image."""
        self.check()
        self._entries.put((image, kept))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="rows", daemon=True)
            self._thread.start()

    def check(self) -> None:
        """Bytes have arrived. Raises what went wrong meanwhile."""
        self._moved = True
        if self._error is not None:
            raise self._error

    def accept(self, acceptance: Acceptance) -> JobRecord:
        """Write what is left, and show the job to its clinic, in one transaction.

        Raises OperationalError when the database does not say whether it was done.
        """
        self._end()
        if self._error is not None:
            raise self._error
        left = self._last_group
        job = self._until_it_answers(
            lambda: self._store.accept(self._known(), self._written, left, acceptance)
        )
        self._wake(_to_do(left))
        return job

    def give_up(self) -> None:
        """Write nothing more."""
        self._giving_up.set()
        self._end()

    def _end(self) -> None:
        if self._thread is not None:
            self._entries.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        try:
            while (group := self._next_group()) and not self._giving_up.is_set():
                self._until_it_answers(
                    partial(self._store.add_images, self._known(), self._written, group)
                )
                self._written += len(group)
                self._wake(_to_do(group))
        except BaseException as error:  # raised again by the next call
            self._error = error

    def _next_group(self) -> list[NewImage]:
        """Images whose files are durable; none at the end, when `_last_group` holds the rest."""
        group: list[NewImage] = []
        until = None
        while len(group) < MAX_GROUP:
            try:
                wait_s = TOUCH_EVERY_S if until is None else max(0.0, until - time.monotonic())
                entry = self._entries.get(timeout=wait_s)
            except queue.Empty:
                if group:
                    break
                self._touch()
                continue
            if entry is None or self._giving_up.is_set():
                self._last_group = self._durable(group)
                return []
            image, kept = entry
            group.append(image if kept is None else replace(image, file_key=kept.result()))
            until = until or time.monotonic() + (GATHER_S if self._written else FIRST_GATHER_S)
        return self._durable(group)

    def _durable(self, group: list[NewImage]) -> list[NewImage]:
        if any(image.file_key for image in group):
            self._folder.sync()
        return group

    def _known(self) -> Arriving:
        # What is known of it when its first rows are written stays so until it is accepted.
        self._as = self._as or self._arriving()
        return self._as

    def _touch(self) -> None:
        if self._moved and self._written:
            self._moved = False
            self._until_it_answers(lambda: self._store.touch(self._folder.name))

    def _until_it_answers(self, verb: Callable):
        """Every verb here can be repeated: one whose answer was lost changes nothing more."""
        until = time.monotonic() + OUTAGE_S
        while True:
            try:
                return verb()
            except OperationalError as error:
                if time.monotonic() > until or self._giving_up.is_set():
                    raise
                log.warning("an upload waits for the database (%s)", type(error.orig).__name__)
                time.sleep(AGAIN_AFTER_S)


def _to_do(images: list[NewImage]) -> int:
    return sum(image.reason is None for image in images)
