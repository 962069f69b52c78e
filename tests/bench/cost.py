"""What a running system costs: memory, start-up, space, processor time."""

import os
import statistics
from pathlib import Path

import httpx

from web.local.temporary import RunningSystem

MIB = 1024 * 1024
CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def children(system: RunningSystem) -> dict[str, int]:
    """Process id of every part, by a telling name."""
    found: dict[str, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            command, fields = _stat(status)
            arguments = (status.parent / "cmdline").read_bytes().decode().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == system.process.pid:
            found[_name(command, arguments, found)] = int(status.parent.name)
    return found


def peak_memory_mb(pid: int) -> float:
    """Highest resident memory so far of the process or one below it, in MiB."""
    return max(_peak_bytes(member) for member in _tree(pid)) / MIB


def cpu_seconds(pid: int) -> float:
    """Processor time so far of the process and of those below it."""
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in _tree(pid).values())
    return ticks / CLOCK_TICKS_PER_S


def database_bytes(system: RunningSystem) -> int:
    return sum(file.stat().st_size for file in system.home.glob("cxr.db*"))


def stage_ms(client: httpx.Client, job_id: int) -> dict[str, float]:
    """Median milliseconds per image by stage, as the workers noted them."""
    items = client.get(f"/jobs/{job_id}/images", params={"status": "done", "limit": 200}).json()
    timings = [item["result"]["timings_ms"] for item in items["items"]]
    return {
        stage: statistics.median(timing[stage] for timing in timings)
        for stage in (timings[0] if timings else {})
    }


def _tree(root: int) -> dict[int, list[str]]:
    """Fields of /proc/PID/stat, from the process state on, of a process and those below it."""
    stats = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            stats[int(status.parent.name)] = _stat(status)[1]
        except (FileNotFoundError, ProcessLookupError):
            continue
    tree = {root}
    while more := {pid for pid, fields in stats.items() if int(fields[1]) in tree} - tree:
        tree |= more
    return {pid: stats[pid] for pid in tree}


def _peak_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0  # it has just ended


def _stat(status: Path) -> tuple[str, list[str]]:
    command, _, rest = status.read_text().rpartition(")")
    return command.partition("(")[2], rest.split()


def _name(command: str, arguments: list[str], taken: dict[str, int]) -> str:
    names = {"worker": "worker", "sweep": "sweeper", "web": "web"}
    for argument, name in (names | {"worker.running.shadow": "shadow"}).items():
        if argument in arguments:
            command = name
    number = 1 + sum(name.split("-")[0] == command for name in taken)
    return f"{command}-{number}" if command == "worker" else command
