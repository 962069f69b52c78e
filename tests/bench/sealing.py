"""`python -m tests.bench.sealing`: what it costs to encrypt files at rest (CXR_FILES_KEY).

Two systems on this machine, one with the key and one without, classify the same files in turn.
Processor time says more than speed on a machine that has other things to do.
"""

import contextlib
import statistics
import time

import click

from tests.bench.cost import cpu_seconds
from tests.bench.files import api, find_files, repeated
from tests.bench.system import system_images_per_second
from web.local.temporary import throwaway_system
from worker.intake.sealing import FileKeys, sealed, unsealed

KEY = "k" * 64
WAYS = {"plain": "", "encrypted": KEY}
MEGABYTE = 1_000_000
BLOCK = bytes(8 * MEGABYTE)


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--images", default=300, show_default=True, help="Images in each round.")
def bench(rounds: int, images: int) -> None:
    key = FileKeys([KEY]).new("folder/file")
    whole = sealed(BLOCK, key)
    for name, verb in (
        ("encrypt", lambda: sealed(BLOCK, key)),
        ("decrypt", lambda: unsealed(whole, key)),
    ):
        click.echo(f"{name}: {len(BLOCK) / MEGABYTE / _fastest_s(verb):.0f} MB/s of processor time")
    files = repeated(find_files([]), images)
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
        for _ in range(rounds):
            for way, client in clients.items():
                before = cpu_seconds(running[way].process.pid)
                speed[way].append(system_images_per_second(client, files))
                spent_ms[way].append(
                    1000 * (cpu_seconds(running[way].process.pid) - before) / images
                )
    for way in WAYS:
        click.echo(
            f"{way}: {statistics.median(speed[way]):.1f} images/s, "
            f"{statistics.median(spent_ms[way]):.2f} ms of processor time per image"
        )
    for what, found in (("speed", speed), ("processor time", spent_ms)):
        ratios = [b / a for a, b in zip(found["plain"], found["encrypted"], strict=True)]
        click.echo(f"{what}, encrypted / plain: {statistics.median(ratios):.3f} {ratios}")


def _fastest_s(verb, times: int = 10) -> float:
    found = []
    for _ in range(times):
        began = time.thread_time()
        verb()
        found.append(time.thread_time() - began)
    return min(found)


if __name__ == "__main__":
    bench()
