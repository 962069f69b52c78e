"""Keeps a set of processes running: starts them, restarts one that dies, stops them all."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

FIRST_DELAY_S = 0.5
MAX_DELAY_S = 10.0
# One that ran so long did not die of its start; a crash after that is answered at once.
HEALTHY_AFTER_S = 10.0
MAX_LOG_BYTES = 10_000_000
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Part:
    """One process: its name in the logs, its command, what it adds to the environment.

    Parts that others need have an earlier `stage`: they are stopped after those.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stage: int = 1


class _Running:
    def __init__(self, part: Part, log_file: Path | None) -> None:
        self.part = part
        self.log_file = log_file
        self.delay_s = FIRST_DELAY_S
        self.restart_at = 0.0
        self.process = self._start()

    def _start(self) -> subprocess.Popen:
        self.started_at = time.monotonic()
        output = self._open_log() if self.log_file else None
        try:
            return subprocess.Popen(
                self.part.command,
                env={**os.environ, **self.part.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C must reach the supervisor alone: it stops the parts in order.
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()) if sys.platform == "linux" else None,
            )
        finally:
            if output:
                output.close()

    def _open_log(self):
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > MAX_LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".old.log"))
        return self.log_file.open("ab")

    def restart_if_dead(self) -> None:
        code = self.process.poll()
        now = time.monotonic()
        if code is None:
            return
        if not self.restart_at:
            if now - self.started_at > HEALTHY_AFTER_S:
                self.delay_s = FIRST_DELAY_S
            log.warning(
                "%s stopped (%s): starting it again in %.1f s",
                self.part.name,
                _reason(code),
                self.delay_s,
            )
            self.restart_at = now + self.delay_s
            self.delay_s = min(2 * self.delay_s, MAX_DELAY_S)
        elif now >= self.restart_at:
            self.restart_at = 0.0
            self.process = self._start()


class Supervisor:
    """Runs parts until SIGINT or SIGTERM. Use it as a context manager."""

    def __init__(self, logs_dir: Path | None = None) -> None:
        self._logs_dir = logs_dir
        self._running: list[_Running] = []
        self.stopping = threading.Event()

    def __enter__(self) -> "Supervisor":
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, part: Part) -> subprocess.Popen:
        log_file = self._logs_dir / f"{part.name}.log" if self._logs_dir else None
        running = _Running(part, log_file)
        self._running.append(running)
        return running.process

    def watch(self, poll_s: float = 0.2) -> None:
        """Restart what dies, until SIGINT or SIGTERM."""
        while not self.stopping.wait(poll_s):
            for running in self._running:
                running.restart_if_dead()

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Until `ready()`; false when a part died, on SIGTERM, or after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and not self.stopping.is_set():
            if ready():
                return True
            if any(running.process.poll() is not None for running in self._running):
                return False
            time.sleep(0.05)
        return False

    def stop(self, grace_s: float = 15.0) -> None:
        """SIGTERM to the last stage, SIGKILL after `grace_s` seconds; then the stage before."""
        for stage in sorted({running.part.stage for running in self._running}, reverse=True):
            processes = [r.process for r in self._running if r.part.stage == stage]
            for process in processes:
                process.terminate()
            deadline = time.monotonic() + grace_s
            for process in processes:
                try:
                    process.wait(max(0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._running.clear()


def _die_with(parent: int) -> Callable[[], None]:
    """For the new process: a supervisor that is killed outright cannot stop it, the kernel can."""

    def in_child() -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # killed already
            os.kill(os.getpid(), signal.SIGTERM)

    return in_child


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
