"""The command `python -m tests.bench`: which measurements run, how often, and what is printed."""

import contextlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from model.artifact import REFERENCE, load_artifact
from tests.bench import (
    article,
    ceiling,
    cost,
    door,
    encryption,
    litserve,
    pages,
    recovery,
    report,
    scale,
    shadow,
    stages,
    system,
)
from tests.bench.files import api, find_files, repeated, submit
from web.local.temporary import throwaway_system
from worker.errors import worker_errors
from worker.logs import log_to_stderr
from worker.settings import Settings

PARTS = (
    *("throughput", "peer", "layouts", "urgent", "first_result", "cost", "workers", "size"),
    *("rows", "recovery", "door", "pages", "encryption", "shadow"),
)
FIRST_RESULT_IMAGES = 600
RECOVERY_IMAGES = 200
PAGE_IMAGES = 20_000


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Only these parts.")
@click.option("--rounds", default=3, show_default=True, help="Rounds of the throughput part.")
@click.option("--images", default=400, show_default=True, help="Images in a throughput round.")
@click.option(
    "--peer", "peer_images", default=600, show_default=True, help="Images of a job beside LitServe."
)
@click.option(
    "--bulk", default=3000, show_default=True, help="Images of the job beside urgent ones."
)
@click.option("--urgent", default=30, show_default=True, help="Urgent images beside that job.")
@click.option(
    "--sizes", default="100,1000,10000", show_default=True, help="Job sizes of the size part."
)
@click.option("--rows", default=1_000_000, show_default=True, help="Rows of the rows part.")
@click.option(
    "--requests", default=100, show_default=True, help="Requests of each kind in the rows part."
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the figures here."
)
def bench(
    paths, only, rounds, images, peer_images, bulk, urgent, sizes, rows, requests, json_file
) -> None:
    """Measure throughput, latency and cost on throwaway systems on this machine.

    PATHS are X-rays to classify; without them, the originals of CXR_DATA or the demo's chests.
    The model is the released one, or that in CXR_ARTIFACT; the throughput part also measures the
    reference, the article's network.
    """
    log = Console(stderr=True)
    wanted = only or PARTS
    found = find_files(paths)
    figures: dict = {"machine": _machine(), "files": len(found)}
    log_to_stderr()
    with worker_errors():
        model = load_artifact(Settings.from_env().artifact)
        figures["model"] = model.version
        if "throughput" in wanted:
            figures["throughput"] = _throughput(found, rounds, images, model.path, log)
        if "peer" in wanted:
            figures["peer"] = _peer(found, rounds, peer_images, model.path, log)
        if "layouts" in wanted:
            figures["layouts"] = _layouts(found, rounds, images, model.path, log)
        if "urgent" in wanted:
            figures["urgent"] = _urgent(found, bulk, urgent, log)
        if "first_result" in wanted:
            figures["first_result"] = _first_result(found, rounds, log)
        if "cost" in wanted:
            figures["cost"] = _cost(found, images, log)
        if "workers" in wanted:
            figures["workers"] = _workers(found, rounds, images, log)
        if "size" in wanted:
            figures["size"] = _sizes(found, [int(size) for size in sizes.split(",")], log)
        if "door" in wanted:
            figures["door"] = _door(found, log)
        if "encryption" in wanted:
            figures["encryption"] = encryption.cost_of_encryption(found, rounds, images, log)
        if "shadow" in wanted:
            figures["shadow"] = shadow.cost_of_a_shadow(found, rounds, images, model.path, log)
        if "pages" in wanted:
            figures["pages"] = pages.pages(PAGE_IMAGES, rounds, log)
        if "rows" in wanted:
            figures["rows"] = _rows(rows, requests, log)
        if "recovery" in wanted:
            figures["recovery"] = _recovery(found, rounds, log)
    Console().print(report.table(figures))
    if json_file:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


def _throughput(found, rounds, images, model, log) -> dict:
    """Every way in turn, so that the machine's moods hit all of them."""
    files = repeated(found, images)
    few = repeated(found, max(len(found), images // 5))  # the article's way is slow
    with contextlib.ExitStack() as systems:
        ways: dict[str, Callable[[], float]] = {}
        for prefix, folder in (("", model), ("reference_", REFERENCE)):
            # Measured: a system that has nothing to do takes 0.8 % of one core.
            running = systems.enter_context(throwaway_system(CXR_ARTIFACT=str(folder)))
            client = systems.enter_context(api(running))
            system.system_images_per_second(client, files[:20])
            ways[f"{prefix}ceiling"] = partial(ceiling.ceiling_images_per_second, files, folder)
            ways[f"{prefix}ceiling_with_pictures"] = partial(
                ceiling.ceiling_images_per_second, files, folder, pictures=True
            )
            ways[f"{prefix}system"] = partial(system.system_images_per_second, client, files)
        ways["article"] = partial(article.article_images_per_second, few, REFERENCE)
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds):
            log.print(f"throughput, round {number + 1} of {rounds}")
            for way, measure in ways.items():
                rates[way].append(measure())
    return {way: {"median": statistics.median(r), "all": r} for way, r in rates.items()}


def _peer(found, rounds, images, model, log) -> dict:
    """A bulk job of our system and the same files through LitServe, in turn on the same machine.

    Processor time is of everything, the client included: on a busy machine it says more than speed.
    """
    files = repeated(found, images)
    with (
        throwaway_system(CXR_ARTIFACT=str(model)) as running,
        api(running) as client,
        litserve.litserve_system(model) as peer,
    ):
        ways = {
            "system": partial(system.system_images_per_second, client),
            "litserve": partial(litserve.litserve_images_per_second, peer),
        }
        rates: dict[str, list[float]] = {way: [] for way in ways}
        cpu_ms: dict[str, list[float]] = {way: [] for way in ways}
        for measure in ways.values():
            measure(files[:20])
        for number in range(rounds):
            for way, measure in ways.items():
                log.print(f"{way}, round {number + 1} of {rounds}")
                before = cost.cpu_seconds(os.getpid())
                rates[way].append(measure(files))
                cpu_ms[way].append(1000 * (cost.cpu_seconds(os.getpid()) - before) / images)
    return {
        way: {
            "median": statistics.median(r),
            "all": r,
            "cpu_ms_per_image": statistics.median(cpu_ms[way]),
        }
        for way, r in rates.items()
    }


def _layouts(found, rounds, images, model, log) -> dict:
    """The same cores shared out in other ways, without queue, SQL and web."""
    files, cores = repeated(found, images), ceiling.cores()
    rates: dict[tuple[int, int], list[float]] = {(cores, 1): [], (1, cores): [], (cores, 2): []}
    for number in range(rounds):
        for (workers, threads), measured in rates.items():
            log.print(f"{workers} x {threads} threads, round {number + 1} of {rounds}")
            rate = ceiling.ceiling_images_per_second(files, model, workers, threads)
            measured.append(rate)
    return {f"{w} processes of {t} threads": statistics.median(r) for (w, t), r in rates.items()}


def _urgent(found, bulk, urgent, log) -> dict:
    log.print(f"urgent images, idle and beside {bulk} others")
    with throwaway_system() as running, api(running) as client:
        system.latencies_s(client, found[0], 5, pause_s=0)
        idle = system.latencies_s(client, found[0], urgent, pause_s=0.1)
        beside = system.latencies_under_bulk_s(client, repeated(found, bulk), found[0], urgent)
    return {"idle_s": _spread(idle), "under_bulk_s": _spread(beside)}


def _first_result(found, rounds, log) -> dict:
    files, measured = repeated(found, FIRST_RESULT_IMAGES), []
    with throwaway_system() as running, api(running) as client:
        system.system_images_per_second(client, files[:20])
        for number in range(rounds):
            log.print(f"first result of {len(files)} images, round {number + 1} of {rounds}")
            measured.append(system.first_result_s(client, files))
    return {"images": len(files)} | {
        name: statistics.median(one[name] for one in measured) for name in measured[0]
    }


def _cost(found, images, log) -> dict:
    log.print("cost of a running system")
    began = time.perf_counter()
    with throwaway_system() as running, api(running) as client:
        submit_began = time.perf_counter()
        system.wait_until_complete(client, submit(client, found[:1]), system.CLOSE_POLL_S)
        first_answer_s = time.perf_counter() - began
        parts = cost.children(running)
        bytes_before = cost.database_bytes(running)
        cpu_before = {name: cost.cpu_seconds(pid) for name, pid in parts.items()}
        job_id = submit(client, repeated(found, images))
        system.wait_until_complete(client, job_id)
        return {
            "start_to_first_answer_s": first_answer_s,
            "start_s": submit_began - began,
            "peak_memory_mb": {name: cost.peak_memory_mb(pid) for name, pid in parts.items()},
            "cpu_ms_per_image": {
                name: 1000 * (cost.cpu_seconds(pid) - cpu_before[name]) / images
                for name, pid in parts.items()
            },
            "stage_ms": cost.stage_ms(client, job_id),
            "queue_and_save_ms": stages.queue_and_save_ms(),
            "sql_bytes_per_image": (cost.database_bytes(running) - bytes_before) / images,
        }


def _workers(found, rounds, images, log) -> dict:
    rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
    for number in range(rounds):
        for workers, measured in rates.items():
            log.print(f"{workers} worker(s), round {number + 1} of {rounds}")
            with throwaway_system("--workers", str(workers)) as running, api(running) as client:
                system.system_images_per_second(client, repeated(found, 20))
                measured.append(system.system_images_per_second(client, repeated(found, images)))
    return {str(workers): statistics.median(measured) for workers, measured in rates.items()}


def _sizes(found, sizes, log) -> dict:
    ms = {}
    with throwaway_system() as running, api(running) as client:
        system.system_images_per_second(client, repeated(found, 20))
        for size in sizes:
            log.print(f"a job of {size}")
            rate = system.system_images_per_second(client, repeated(found, size))
            ms[str(size)] = 1000 / rate
    return ms


def _door(found, log) -> dict:
    log.print("answers beside silent, slow and many clients")
    with throwaway_system("--workers", "1") as running:
        measured = door.answer_ms(running, found[0])
        figures = {when: {k: _spread(ms) for k, ms in by.items()} for when, by in measured.items()}
        web = cost.children(running)["web"]
        return {"ms": figures, "peak_memory_mb": cost.peak_memory_mb(web)}


def _rows(rows, requests, log) -> dict:
    with throwaway_system("--workers", "1") as running, api(running) as client:
        done = 0

        def progress(more: int) -> None:
            nonlocal done
            done += more
            if done % 100_000 == 0:
                log.print(f"{done} of {rows} rows")

        job_id = scale.fill_with_rows(running, rows, progress)
        return {"rows": rows, "p95_ms": scale.page_latencies_ms(client, job_id, requests)}


def _recovery(found, rounds, log) -> dict:
    """With and without the kill in turn, at default settings."""
    files = repeated(found, RECOVERY_IMAGES)
    took: dict[str, list[float]] = {"undisturbed": [], "killed": []}
    with throwaway_system("--workers", str(recovery.WORKERS)) as running:
        for number in range(rounds):
            log.print(f"kill -9 of a worker, round {number + 1} of {rounds}")
            for way, seconds in took.items():
                recovery.wait_for_workers(running)
                seconds.append(recovery.seconds(running, files, kill=way == "killed"))
    return {way: {"median": statistics.median(s), "all": s} for way, s in took.items()}


def _spread(samples: list[float]) -> dict[str, float]:
    return {
        "n": len(samples),
        "p50": statistics.median(samples),
        "p95": statistics.quantiles(samples, n=20)[-1],
    }


def _machine() -> dict:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "python": sys.version.split()[0],
    }


if __name__ == "__main__":
    bench()
