"""The processes that this package contributes to a running system."""

import sys

from worker.settings import Settings
from worker.supervise.supervisor import Part

# -P: what lies in the current folder, a `model.py` or a package `worker`, is never imported.
CXR = (sys.executable, "-P", "-m", "cxr")


def worker_part(settings: Settings, name: str) -> Part:
    """One worker process. A fresh interpreter: nothing heavy is ever loaded before a fork."""
    return Part(
        name,
        [*CXR, "worker", "--processes", "1", "--device", settings.device],
        settings.environment(),
    )


def sweeper_part(settings: Settings) -> Part:
    return Part("sweeper", [*CXR, "sweep"], settings.environment())
