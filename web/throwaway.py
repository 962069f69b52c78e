"""A whole system that lives in a temporary folder and leaves nothing behind: for demo and bench."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.errors import LaunchError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class RunningSystem:
    """A `cxr up` that answers: its address, its token, its data folder, its supervisor."""

    url: str
    token: str
    home: Path
    process: subprocess.Popen

    @property
    def sign_in_url(self) -> str:
        return f"{self.url}/sign-in?token={self.token}"


@contextlib.contextmanager
def throwaway_system(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[RunningSystem]:
    """Start `cxr up` on a free port in a temporary home; stop and delete it at the end.

    Raises LaunchError with what it printed when it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="cxr-"))
    try:
        with _started(folder, arguments, environment or {}) as system:
            yield system
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _started(
    folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str]
) -> Iterator[RunningSystem]:
    home, output = folder / "home", folder / "output"
    with output.open("wb") as opened:
        process = subprocess.Popen(
            [sys.executable, "-m", "cxr", "up", "--port", "0", "--home", str(home), *arguments],
            stdout=opened,
            stderr=subprocess.STDOUT,
            # Settings of the user's own system must not lead into that system.
            env={**os.environ, "REDIS_URL": "", "DATABASE_URL": "", "CXR_TOKEN": "", **environment},
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (found := re.search(r"(http://\S+)/sign-in\?token=(\S+)", output.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                raise LaunchError(f"The system did not start. It said: {output.read_text()}")
            time.sleep(0.05)
        yield RunningSystem(found[1], found[2], home, process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
