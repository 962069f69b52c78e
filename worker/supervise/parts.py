"""The processes that this package contributes to a running system."""

import sys

from worker.settings import Settings
from worker.supervise.process import GRACE_S, Part

# -P: what lies in the current folder, a `model.py` or a package `worker`, is never imported.
PYTHON = (sys.executable, "-P")
CXR = (*PYTHON, "-m", "cxr")
# docker-compose.yml gives a container of workers 60 s; some of that is for cleaning up.
CONTAINER_GRACE_S = 52.0


def worker_part(settings: Settings, name: str, grace_s: float = GRACE_S) -> Part:
    """One worker process. A fresh interpreter: nothing heavy is ever loaded before a fork.

    grace_s: seconds that it gets to finish what it holds when it is told to stop.
    """
    return Part(
        name,
        [*CXR, "worker", "--processes", "1", "--device", settings.device],
        settings.for_workers.environment(),
        grace_s=grace_s,
        after_death=[*PYTHON, "-m", "worker.running.release"],
    )


def sweeper_part(settings: Settings) -> Part:
    return Part("sweeper", [*CXR, "sweep"], settings.without_secrets.environment())
