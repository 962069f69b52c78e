"""One process of a running system: how it is started, and when it is started again."""

import contextlib
import ctypes
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.settings import PROCESS_NAME

log = logging.getLogger(__name__)

FIRST_DELAY_S = 0.5
MAX_DELAY_S = 10.0
# One that ran so long did not die of its start; a crash after that is answered at once.
HEALTHY_AFTER_S = 10.0
MAX_LOG_BYTES = 10_000_000
PR_SET_PDEATHSIG = 1
GRACE_S = 15.0


@dataclass(frozen=True)
class Part:
    """One process: its name in the logs, its command, what it adds to the environment.

    Parts that others need have an earlier `stage`: they are stopped after those. A part that is
    told to stop has `grace_s` seconds to do so. `after_death` is a command that is run when its
    process has died, with the process's name as last argument: it gives back what the process held.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stage: int = 1
    grace_s: float = GRACE_S
    after_death: Sequence[str] = ()


class Running:
    """A part with its process, and with the process that cleans up after the last one."""

    def __init__(self, part: Part, log_file: Path | None) -> None:
        self.part = part
        self.log_file = log_file
        self.delay_s = FIRST_DELAY_S
        self.restart_at = 0.0
        self.process = self._start()

    def _start(self) -> subprocess.Popen:
        self.started_at = time.monotonic()
        self.name = secrets.token_hex(8)
        return self._run(self.part.command)

    def clean_up(self) -> subprocess.Popen | None:
        """Run what follows its death, in a process of its own: a database that is locked or
        unreachable must not hold up the supervisor."""
        after = self.part.after_death
        try:
            return self._run([*after, self.name]) if after else None
        except OSError as error:
            # The sweeper takes back what it held, when the leases have ended.
            log.error("%s is not cleaned up after (%s)", self.part.name, error.strerror)
            return None

    def _run(self, command: Sequence[str]) -> subprocess.Popen:
        output = self._open_log() if self.log_file else None
        try:
            return subprocess.Popen(  # noqa: S603 - commands of parts.py
                command,
                env={**os.environ, **self.part.environment, PROCESS_NAME: self.name},
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
        return self.log_file.open("ab")

    def cut_log(self) -> None:
        """Move a log that is full to the one before it. The process goes on writing at its start:
        it appends, and never learns of this."""
        with contextlib.suppress(OSError):  # it was removed, or the disk does not obey
            if not self.log_file or self.log_file.stat().st_size <= MAX_LOG_BYTES:
                return
            try:
                shutil.copyfile(self.log_file, self.log_file.with_suffix(".old.log"))
            except OSError as error:  # no room, and all the more must it not grow on
                log.error("the full log of %s is not kept (%s)", self.part.name, error.strerror)
            os.truncate(self.log_file, 0)

    def restart_if_dead(self) -> bool:
        """Returns: whether its death is news."""
        code = self.process.poll()
        now = time.monotonic()
        if code is None:
            return False
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
            return True
        if now >= self.restart_at:
            try:
                self.process = self._start()
                self.restart_at = 0.0
            except OSError as error:  # no memory, or no room on the disk: the others go on
                log.error("%s cannot be started (%s)", self.part.name, error.strerror)
                self.restart_at = now + MAX_DELAY_S
        return False


def _die_with(parent: int) -> Callable[[], None]:
    """For the new process: a supervisor that is killed outright cannot stop it, the kernel can."""

    def in_child() -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # killed already
            os.kill(os.getpid(), signal.SIGTERM)

    return in_child


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # most real-time signals have no name
        return f"signal {-code}"
