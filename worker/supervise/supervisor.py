"""Keeps a set of processes running: starts them, restarts those that die, and stops them all."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from worker.supervise.process import Part, Running

CLEAN_UP_S = 5.0


class Supervisor:
    """Runs parts until SIGINT or SIGTERM. Use it as a context manager."""

    def __init__(self, logs_dir: Path | None = None) -> None:
        self._logs_dir = logs_dir
        self._running: list[Running] = []
        self._cleaning: list[subprocess.Popen] = []
        self.stopping = threading.Event()

    def __enter__(self) -> "Supervisor":
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, part: Part) -> subprocess.Popen:
        log_file = self._logs_dir / f"{part.name}.log" if self._logs_dir else None
        running = Running(part, log_file)
        self._running.append(running)
        return running.process

    def watch(self, poll_s: float = 0.2) -> None:
        """Restart what dies, and cut logs that are full, until SIGINT or SIGTERM."""
        while not self.stopping.wait(poll_s):
            self.restart_dead()
            self.cut_logs()

    def restart_dead(self) -> None:
        """One round: clean up after what has died, and start it again when its time has come."""
        for running in self._running:
            if running.restart_if_dead():
                self._clean_up(running)
        self._cleaning = [process for process in self._cleaning if process.poll() is None]

    def cut_logs(self) -> None:
        for running in self._running:
            running.cut_log()

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

    def stop(self) -> None:
        """SIGTERM to the last stage, SIGKILL when the grace of a part is over; then the stage
        before."""
        for stage in sorted({running.part.stage for running in self._running}, reverse=True):
            of_stage = [running for running in self._running if running.part.stage == stage]
            for running in of_stage:
                running.process.terminate()
            told_at = time.monotonic()
            for running in of_stage:
                if not _ends(running.process, told_at + running.part.grace_s):
                    running.process.kill()
                    running.process.wait()
                if running.process.returncode not in (0, -signal.SIGTERM):
                    self._clean_up(running)
            self._finish_cleaning()
        self._running.clear()

    def _clean_up(self, running: Running) -> None:
        process = running.clean_up()
        if process is not None:
            self._cleaning.append(process)

    def _finish_cleaning(self) -> None:
        deadline = time.monotonic() + CLEAN_UP_S
        for process in self._cleaning:
            if not _ends(process, deadline):
                process.kill()
                process.wait()
        self._cleaning.clear()


def _ends(process: subprocess.Popen, deadline: float) -> bool:
    """Whether the process ends before `deadline`, by the monotonic clock."""
    try:
        process.wait(max(0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True
