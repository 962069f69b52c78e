"""What a shadow model (CXR_SHADOW_ARTIFACT) costs those who wait for results."""

import contextlib
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from model.artifact import METADATA
from tests.bench.cost import children, cpu_seconds, peak_memory_mb
from tests.bench.files import api, repeated, submit
from tests.bench.system import latencies_s, system_images_per_second, wait_until_complete
from web.local.temporary import RunningSystem, throwaway_system
from worker.settings import Settings
from worker.store import Store

WAYS = ("alone", "shadowed")
SINGLE = 20  # images one after the other, in a round
POLL_S = 0.05


def cost_of_a_shadow(found: Sequence[Path], rounds: int, images: int, model: Path, log) -> dict:
    """Two systems, one with a shadow model and one without, classify the same files in turn; who
    begins changes with every round. The shadow is the model itself under another name.

    Single images are sent while the shadow works off what the job has left to it.
    """
    files = repeated(found, images)
    speed: dict[str, list[float]] = {way: [] for way in WAYS}
    spent_ms: dict[str, list[float]] = {way: [] for way in WAYS}
    single_s: dict[str, list[float]] = {way: [] for way in WAYS}
    shadow_rates: list[float] = []
    with contextlib.ExitStack() as systems:
        shadow = systems.enter_context(_renamed(model))
        running = {
            way: systems.enter_context(throwaway_system(CXR_SHADOW_ARTIFACT=folder))
            for way, folder in zip(WAYS, ("", str(shadow)), strict=True)
        }
        clients = {way: systems.enter_context(api(system)) for way, system in running.items()}
        for client in clients.values():
            system_images_per_second(client, files[:20])
        _settle(running["shadowed"])
        for number in range(rounds):
            log.print(f"shadow, round {number + 1} of {rounds}")
            for way in sorted(WAYS, reverse=bool(number % 2)):
                client = clients[way]
                before = cpu_seconds(running[way].process.pid)
                speed[way].append(system_images_per_second(client, files))
                spent = cpu_seconds(running[way].process.pid) - before
                spent_ms[way].append(1000 * spent / images)
                settled_s = _settle(running[way])
                if way == "shadowed":
                    shadow_rates.append(images / settled_s)
                wait_until_complete(client, submit(client, files))
                single_s[way] += latencies_s(client, found[0], SINGLE, pause_s=0.1)
                _settle(running[way])
        memory_mb = peak_memory_mb(children(running["shadowed"])["shadow"])
    return {
        "rounds": rounds,
        "images": images,
        "images_per_s": {way: statistics.median(rates) for way, rates in speed.items()},
        "speed_ratios": _ratios(speed),
        "cpu_ratios": _ratios(spent_ms),
        "single_s": {way: statistics.median(s) for way, s in single_s.items()},
        "single_p95_s": {way: statistics.quantiles(s, n=20)[-1] for way, s in single_s.items()},
        "peak_memory_mb": memory_mb,
        "shadow_images_per_s": statistics.median(shadow_rates),
    }


def _ratios(found: dict[str, list[float]]) -> list[float]:
    return [b / a for a, b in zip(*found.values(), strict=True)]


@contextlib.contextmanager
def _renamed(model: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cxr-") as folder:
        copy = shutil.copytree(model, Path(folder) / "shadow")
        metadata = json.loads((copy / METADATA).read_text())
        (copy / METADATA).write_text(json.dumps(metadata | {"name": "shadow"}))
        yield copy


def _settle(system: RunningSystem) -> float:
    """Wait until its shadow has nothing to do. Returns: seconds."""
    began = time.monotonic()
    store = Store(Settings(home=system.home).database_url)
    while store.waiting_for_shadow():
        time.sleep(POLL_S)
    store.close()
    return time.monotonic() - began
