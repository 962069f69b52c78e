"""The real command on a free port, in a temporary home."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support import wait_for


@dataclass
class Stack:
    """A running `cxr up`."""

    url: str
    token: str
    home: Path
    process: subprocess.Popen

    @property
    def sign_in(self) -> str:
        return f"{self.url}/sign-in?token={self.token}"

    @property
    def api(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,
        )

    def logs(self) -> str:
        return "\n".join(
            f"--- {file.name}\n{file.read_text()}" for file in (self.home / "logs").glob("*.log")
        )


def start_stack(home: Path, *arguments: str, **environment: str) -> Stack:
    """Start `cxr up` and wait until it has printed its address."""
    output = home.with_suffix(".out")
    with output.open("wb") as opened:
        process = subprocess.Popen(
            [sys.executable, "-m", "cxr", "up", "--port", "0", "--home", str(home), *arguments],
            stdout=opened,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )

    def greeting() -> re.Match | None:
        if process.poll() is not None:
            pytest.fail(f"`cxr up` stopped: {output.read_text()}")
        return re.search(r"(http://\S+)/sign-in\?token=(\S+)", output.read_text())

    found = wait_for(greeting, timeout_s=60)
    return Stack(found[1], found[2], home, process)


def stop_stack(stack: Stack) -> int:
    """Stop it as Ctrl-C does. Returns: its exit code."""
    stack.process.send_signal(signal.SIGINT)
    return stack.process.wait(30)


@pytest.fixture(scope="session")
def stack(tmp_path_factory) -> Iterator[Stack]:
    """One running system, shared by the tests that do not stop it."""
    started = start_stack(tmp_path_factory.mktemp("stack") / "home")
    yield started
    stop_stack(started)
