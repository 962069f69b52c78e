"""What it costs to encrypt files at rest (CXR_FILES_KEY)."""

import contextlib
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.cost import cpu_seconds
from tests.bench.files import api, repeated
from tests.bench.system import system_images_per_second
from web.local.temporary import throwaway_system
from worker.files.sealing import FileKeys, sealed, unsealed

KEY = "k" * 64
WAYS = {"plain": "", "encrypted": KEY}
MEGABYTE = 1_000_000
BLOCK = bytes(8 * MEGABYTE)


def cost_of_encryption(found: Sequence[Path], rounds: int, images: int, log) -> dict:
    """Two systems, one with a key and one without, classify the same files in turn; who begins
    changes with every round. Each ratio is of one round."""
    files = repeated(found, images)
    speed: dict[str, list[float]] = {way: [] for way in WAYS}
    spent_ms: dict[str, list[float]] = {way: [] for way in WAYS}
    with contextlib.ExitStack() as systems:
        running = {
            way: systems.enter_context(throwaway_system(CXR_FILES_KEY=key))
            for way, key in WAYS.items()
        }
        clients = {way: systems.enter_context(api(system)) for way, system in running.items()}
        for client in clients.values():
            system_images_per_second(client, files[:20])
        for number in range(rounds):
            log.print(f"encryption, round {number + 1} of {rounds}")
            for way in sorted(WAYS, reverse=bool(number % 2)):
                before = cpu_seconds(running[way].process.pid)
                speed[way].append(system_images_per_second(clients[way], files))
                spent = cpu_seconds(running[way].process.pid) - before
                spent_ms[way].append(1000 * spent / images)
    return {
        "rounds": rounds,
        "images": images,
        "images_per_s": {way: statistics.median(rates) for way, rates in speed.items()},
        "cpu_ms_per_image": {way: statistics.median(ms) for way, ms in spent_ms.items()},
        "speed_ratios": _ratios(speed),
        "cpu_ratios": _ratios(spent_ms),
        "mb_per_cpu_s": _mb_per_cpu_s(),
    }


def _ratios(found: dict[str, list[float]]) -> list[float]:
    return [b / a for a, b in zip(found["plain"], found["encrypted"], strict=True)]


def _mb_per_cpu_s() -> dict[str, float]:
    key = FileKeys([KEY]).new("folder/file")
    whole = sealed(BLOCK, key)
    verbs = {"encrypt": lambda: sealed(BLOCK, key), "decrypt": lambda: unsealed(whole, key)}
    return {name: len(BLOCK) / MEGABYTE / _fastest_s(verb) for name, verb in verbs.items()}


def _fastest_s(verb, times: int = 10) -> float:
    found = []
    for _ in range(times):
        began = time.thread_time()
        verb()
        found.append(time.thread_time() - began)
    return min(found)
