"""`cxr up` as a child process: for the demo, the benchmark and the tests."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from worker.errors import LaunchError
from worker.supervise.parts import CXR

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class RunningSystem:
    """A `cxr up` that answers: its address, its token, its data folder, its supervisor."""

    url: str
    token: str
    home: Path
    process: subprocess.Popen
    sign_in_url: str  # works once


@contextlib.contextmanager
def throwaway_system(*arguments: str, **environment: str) -> Iterator[RunningSystem]:
    """A system in a temporary folder that is deleted at the end.

    Raises LaunchError with what it printed when it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="cxr-"))
    try:
        with running_system(folder / "home", *arguments, **environment) as system:
            yield system
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_system(home: Path, *arguments: str, **environment: str) -> Iterator[RunningSystem]:
    """Start `cxr up` with that home on a free port; stop it at the end. Raises LaunchError."""
    with tempfile.NamedTemporaryFile(prefix="cxr-") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*CXR, "up", "--port", "0", "--home", str(home), *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            # The user's own system must not be reached from this one.
            env={**os.environ, "REDIS_URL": "", "DATABASE_URL": "", "CXR_TOKEN": "", **environment},
        )
        try:
            url, sign_in_url = _greeting(process, Path(output.name))
            token = environment.get("CXR_TOKEN") or (home / "token").read_text().strip()
            yield RunningSystem(url, token, home, process, sign_in_url)
        finally:
            _stop(process)


def _greeting(process: subprocess.Popen, output: Path) -> tuple[str, str]:
    """The address, and the link to sign in."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (found := re.search(r"((http://\S+)/sign-in\?link=\S+)\n", output.read_text())):
        if process.poll() is not None or time.monotonic() > deadline:
            raise LaunchError(f"The system did not start. It said: {output.read_text()}")
        time.sleep(0.05)
    return found[2], found[1]


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
