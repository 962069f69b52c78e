"""The processes that this package contributes to a running system."""

import sys

from worker.settings import Settings
from worker.supervise.supervisor import Part


def worker_part(settings: Settings, name: str) -> Part:
    """One worker process. A fresh interpreter: nothing heavy is ever loaded before a fork."""
    return Part(
        name,
        [*_CXR, "worker", "--processes", "1", "--device", settings.device],
        settings.environment(),
    )


def sweeper_part(settings: Settings) -> Part:
    return Part("sweeper", [*_CXR, "sweep"], settings.environment())


_CXR = [sys.executable, "-m", "cxr"]
