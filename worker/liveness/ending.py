"""Ends a container's process that gave no sign of life for long, so that it is started again.

Container engines restart what ends; a process that hangs stays, however unhealthy it is.
"""

import os
import signal
from pathlib import Path

INIT = 1
# What engines start first in a container. A machine's own init has other children than ours.
INITS_OF_CONTAINERS = {"docker-init", "tini", "catatonit"}


class Strikes:
    """How often in a row a part was found silent. Health checks are processes of their own, so the
    number is in a file."""

    def __init__(self, folder: Path, part: str) -> None:
        self._file = folder / f"cxr-{part}-is-silent"

    def clear(self) -> None:
        self._file.unlink(missing_ok=True)

    def add(self) -> int:
        """Returns: how many there are now."""
        try:
            count = int(self._file.read_text()) + 1
        except (FileNotFoundError, ValueError):
            count = 1
        self._file.write_text(str(count))
        return count


def end_children(number: signal.Signals, init: int = INIT) -> list[int]:
    """Send a signal to what a container's init has started; nothing outside of a container.

    The health check itself was started by the engine, not by init. Returns: the process numbers.
    """
    if Path(f"/proc/{init}/comm").read_text().strip() not in INITS_OF_CONTAINERS:
        return []
    children = Path(f"/proc/{init}/task/{init}/children").read_text().split()
    found = [int(child) for child in children if int(child) != os.getpid()]
    for child in found:
        os.kill(child, number)
    return found
