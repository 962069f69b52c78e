"""What a running system costs: memory, start-up, space, processor time."""

import os
import statistics
from pathlib import Path

import httpx

from web.throwaway import RunningSystem

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
    """Highest resident memory so far, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MIB
    raise ProcessLookupError(f"process {pid} has ended")


def cpu_seconds(pids: list[int]) -> float:
    """Processor time of these processes and their children so far."""
    total = 0
    tree = set(pids)
    stats = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            stats[int(status.parent.name)] = _stat(status)[1]
        except (FileNotFoundError, ProcessLookupError):
            continue
    grown = True
    while grown:
        more = {pid for pid, fields in stats.items() if int(fields[1]) in tree} - tree
        tree |= more
        grown = bool(more)
    for pid in tree & stats.keys():
        total += int(stats[pid][11]) + int(stats[pid][12])
    return total / CLOCK_TICKS_PER_S


def database_bytes(system: RunningSystem) -> int:
    return sum(file.stat().st_size for file in system.home.glob("cxr.db*"))


def stage_ms(client: httpx.Client, job_id: int) -> dict[str, float]:
    """Median milliseconds an image by stage, as the workers noted them."""
    items = client.get(f"/jobs/{job_id}/images", params={"status": "done", "limit": 200}).json()
    timings = [item["timings_ms"] for item in items["items"]]
    return {
        stage: statistics.median(timing[stage] for timing in timings)
        for stage in (timings[0] if timings else {})
    }


def _stat(status: Path) -> tuple[str, list[str]]:
    command, _, rest = status.read_text().rpartition(")")
    return command.partition("(")[2], rest.split()


def _name(command: str, arguments: list[str], taken: dict[str, int]) -> str:
    for name in ("worker", "sweep", "gunicorn"):
        if name in arguments:
            command = {"gunicorn": "web", "sweep": "sweeper"}.get(name, name)
    number = 1 + sum(name.split("-")[0] == command for name in taken)
    return f"{command}-{number}" if command == "worker" else command
