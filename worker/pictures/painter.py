"""Draws pictures in other processes, fair between clinics.

Two are drawn at once, one for each of two clinics: whoever asks for twenty that take a minute each
waits for them alone.
"""

import json
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from worker.errors import TooManyPictures, WorkerError
from worker.files.locks import remove
from worker.pictures.files import DRAWN, REFUSED, SMALL, PictureFiles
from worker.settings import describe

log = logging.getLogger(__name__)

AT_ONCE = 2
MAX_WAITING = 50  # of one clinic
# What cannot be drawn is not tried again for so long, and so many are remembered.
GIVEN_UP_S, MAX_GIVEN_UP = 600.0, 10_000
IDLE_S = 60.0  # after so long without work the drawing processes end
# The kernel ends a fork at its limit; a drawing process that is silent for longer is ended.
GRACE_S = 10.0
# Places of a film: left, top, right and bottom, 0 to 1 of it.
Hide = Sequence[Sequence[float]] | None
DRAW = (sys.executable, "-P", "-m", "worker.pictures.draw")


@dataclass
class _Order:
    clinic_id: int
    source: Path
    target: Path
    what: str | int
    hide: Hide
    done: "Future[bool]" = field(default_factory=Future)


class Painter:
    """Takes orders from any thread. `limit_s`: for one picture, in seconds."""

    def __init__(self, files: PictureFiles, limit_s: float) -> None:
        self._files = files
        self._limit_s = limit_s
        self._changed = threading.Condition()
        self._waiting: OrderedDict[int, deque[_Order]] = OrderedDict()  # the next clinic first
        self._drawing: set[int] = set()
        self._orders: dict[Path, _Order] = {}
        self._given_up: OrderedDict[Path, float] = OrderedDict()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def small(self, clinic_id: int, key: str, hide: Hide = None) -> "Future[bool]":
        """Draw the small picture of a file. The future tells whether it exists then.

        hide: to be black there, and wherever else the film seems to hold text; None: nothing is.
        Raises TooManyPictures when the clinic already waits for MAX_WAITING others.
        """
        target = self._files.small(key)
        return self._order(clinic_id, self._files.source(key), target, SMALL, hide)

    def large(self, clinic_id: int, key: str, what: int | str, hide: Hide = None) -> "Future[bool]":
        """As `small`, for the PNG of at most `what` pixels a side, or for FILM."""
        target = self._files.large(key, what, hide is not None)
        return self._order(clinic_id, self._files.source(key), target, what, hide)

    def _order(
        self, clinic_id: int, source: Path, target: Path, what: str | int, hide: Hide
    ) -> "Future[bool]":
        with self._changed:
            if known := self._orders.get(target):
                return known.done
            order = _Order(clinic_id, source, target, what, hide)
            if time.monotonic() < self._given_up.get(target, 0):
                order.done.set_result(False)
                return order.done
            waiting = self._waiting.setdefault(clinic_id, deque())
            if len(waiting) >= MAX_WAITING:
                raise TooManyPictures(
                    f"{MAX_WAITING} pictures are being drawn for you already. Try again soon."
                )
            waiting.append(order)
            self._orders[target] = order
            if len(self._threads) < AT_ONCE:
                self._threads.append(threading.Thread(target=self._work, daemon=True))
                self._threads[-1].start()
            self._changed.notify_all()
        return order.done

    def close(self) -> None:
        """Draw nothing more; what is being drawn is finished first."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        process = _DrawingProcess(self._limit_s)
        while not self._closed:
            order = self._next_order()
            if order is None:
                process.stop()
                continue
            drawn = False
            try:
                drawn = self._draw(order, process.ask)
            finally:
                self._finish(order, drawn)
        process.stop()

    def _next_order(self) -> _Order | None:
        """Wait for the next order, but not forever: the process need not stay for nothing."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._next_clinic(), IDLE_S)
            clinic_id = self._next_clinic()
            if self._closed or clinic_id is None:
                return None
            order = self._waiting[clinic_id].popleft()
            self._waiting.move_to_end(clinic_id)
            if not self._waiting[clinic_id]:
                del self._waiting[clinic_id]
            self._drawing.add(clinic_id)
            return order

    def _next_clinic(self) -> int | None:
        return next((clinic for clinic in self._waiting if clinic not in self._drawing), None)

    def _draw(self, order: _Order, ask: Callable[[dict], bool]) -> bool:
        if order.target.exists():  # a worker was faster
            return True
        try:
            if order.what != SMALL:
                order.target.parent.mkdir(parents=True, exist_ok=True)
            drawn = self._asked(order, ask)
            if not order.source.exists():  # deleted meanwhile
                remove(order.target)
                return False
            self._files.trim(order.target)
        except FileNotFoundError:
            return False
        except (OSError, WorkerError) as error:
            log.error("a picture could not be drawn (%s)", type(error).__name__)
            return False
        return drawn

    def _asked(self, order: _Order, ask: Callable[[dict], bool]) -> bool:
        keys = self._files.keys(order.source, order.target)
        drawn = ask(
            {
                "source": str(order.source),
                "target": str(order.target),
                "what": order.what,
                "hide": order.hide,
                "keys": [key and key.as_json() for key in keys],
            }
        )
        if drawn or self._files.keys(order.source, order.target)[0] == keys[0]:
            return drawn
        return self._asked(order, ask)  # the file was encrypted meanwhile

    def _finish(self, order: _Order, drawn: bool) -> None:
        with self._changed:
            self._drawing.discard(order.clinic_id)
            del self._orders[order.target]
            if not drawn:
                self._given_up[order.target] = time.monotonic() + GIVEN_UP_S
                if len(self._given_up) > MAX_GIVEN_UP:
                    self._given_up.popitem(last=False)
            self._changed.notify_all()
        order.done.set_result(drawn)


def _harmless_environment() -> dict[str, str]:
    """Ours without settings and passwords: what decodes hostile files needs none of them."""
    settings = {name for variable, _, _ in describe() for name in (variable, f"{variable}_FILE")}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in settings and not name.startswith("PG")
    }


def _how(ended: int | None) -> str:
    """In words for the log: how the decoder of a picture ended, by its exit code."""
    if ended is None:
        return "no answer"
    return signal.strsignal(-ended) or str(ended) if ended < 0 else f"exit code {ended}"


class _DrawingProcess:
    """One drawing process, started when it is needed and again when it died. For one thread."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._process: subprocess.Popen | None = None

    def ask(self, order: dict) -> bool:
        """Returns: whether the picture was drawn. Raises OSError when no process can be started."""
        for _ in range(2):  # it may have been killed since it drew the last one
            answer = self._ask(json.dumps(order).encode() + b"\n")
            if answer:
                break
        ended = int(answer) if answer else None
        if ended not in (DRAWN, REFUSED):
            log.warning("a picture could not be drawn (%s)", _how(ended))
        return ended == DRAWN

    def _ask(self, line: bytes) -> bytes:
        if self._process is None:
            self._process = self._started()
        try:
            self._process.stdin.write(line)
            ready = select.poll()
            ready.register(self._process.stdout, select.POLLIN)
            if ready.poll((self._limit_s + GRACE_S) * 1000):
                answer = self._process.stdout.readline()
                if answer:
                    return answer
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was killed
        self.stop()
        return b""

    def _started(self) -> subprocess.Popen:
        # In a group of its own: Ctrl-C in a terminal is for the supervisor.
        return subprocess.Popen(  # noqa: S603 - our own command
            [*DRAW, str(self._limit_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_harmless_environment(),
            bufsize=0,
            start_new_session=True,
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
