"""Where tests keep their files: in memory if there is room, on disk if not.

Every commit of the product waits for the disk (fsync), some 5 ms each, which is most of the time of
many tests. What a test proves is the same in memory: processes are killed, but never the machine.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
# The largest tests together need a third of it; a container often has 64 MB here.
MIN_FREE_BYTES = 6 << 30


def keep_in_memory() -> None:
    """Let this process, and those that it starts, make temporary files there; TMPDIR wins."""
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    if min(shutil.disk_usage(MEMORY).free, _available_bytes()) >= MIN_FREE_BYTES:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it is looked up again


def _available_bytes() -> int:
    """Memory that programs can still have, caches given up; on Linux, which alone has MEMORY."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    [available] = [line for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(available.split()[1])
