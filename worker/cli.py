"""Commands that run the queue: `cxr worker`, `sweep`, `migrate` and `health`."""

import os
import signal
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

import click

from worker.errors import WorkerError, worker_errors
from worker.logs import log_to_stderr
from worker.settings import PROCESS_NAME, Settings
from worker.tokens import check_chosen

HEALTH_MARGIN_S = 30
WEB_ANSWERS_WITHIN_S = 4


@click.command()
@click.option("--device", type=click.Choice(["cpu", "gpu"]), help="Default: CXR_DEVICE or cpu.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="Worker processes. Default: CXR_WORKERS, or one per core (gpu: one).",
)
def worker(device: str | None, processes: int | None) -> None:
    """Classify what waits in the queue, until SIGTERM."""
    log_to_stderr()
    with worker_errors():
        settings = Settings.from_env(device=device, workers=processes)
        _need_redis(settings)
        is_supervised = PROCESS_NAME in os.environ
        if settings.worker_count == 1 and (is_supervised or settings.shadow_artifact is None):
            from worker.running.process import run_worker

            sys.exit(run_worker(settings))
        _supervise(settings)


@click.command()
def sweep() -> None:
    """Send what was never sent and take back what dead workers held, until SIGTERM."""
    from worker.liveness.sweeper import run_sweeper

    log_to_stderr()
    with worker_errors():
        settings = Settings.from_env()
        _need_redis(settings)
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        run_sweeper(settings, stopping)


@click.command()
def migrate() -> None:
    """Bring the database's tables to this version, and let CXR_TOKEN in when it is set.

    A CXR_TOKEN that was set before and is another one ends.
    """
    from worker.store import DEFAULT_CLINIC, Store
    from worker.store.grants import grant
    from worker.store.migrations import migrate as bring_up_to_date

    log_to_stderr()
    with worker_errors():
        settings = Settings.from_env()
        store = Store(settings.database_url)
        bring_up_to_date(store.database)
        grant(store.database)
        if settings.token:
            check_chosen(settings.token, "CXR_TOKEN")
            store.ensure_clinic(DEFAULT_CLINIC, settings.token)
        store.close()


@click.command()
@click.argument("part", type=click.Choice(["web", "worker", "sweeper"]))
@click.option(
    "--end-after",
    type=click.IntRange(min=1),
    metavar="TIMES",
    help="In a container: stop the part after this many failed checks in a row.",
)
def health(part: str, end_after: int | None) -> None:
    """Exit with 0 when that part runs on this host and gave a sign of life lately, else with 1."""
    from worker.liveness.ending import Strikes, end_children

    log_to_stderr()
    with worker_errors():
        strikes = Strikes(Path(tempfile.gettempdir()), part)
        if _is_alive(Settings.from_env(), part):
            strikes.clear()
            return
        click.echo(f"No sign of life from a {part} on this host.", err=True)
        if end_after is not None and (count := strikes.add()) >= end_after:
            end_children(signal.SIGTERM if count == end_after else signal.SIGKILL)
        sys.exit(1)


def _is_alive(settings: Settings, part: str) -> bool:
    from worker.liveness.heartbeat import is_alive

    if part != "web":
        # One image may take its limit, and a worker on it gives no sign until then.
        return is_alive(settings.home, part, settings.image_limit_s + HEALTH_MARGIN_S)
    try:
        with urllib.request.urlopen(  # noqa: S310 - our own address
            f"{settings.local_address}/healthz", timeout=WEB_ANSWERS_WITHIN_S
        ) as answer:
            return answer.status == 200
    except OSError:
        return False


def _need_redis(settings: Settings) -> None:
    if not settings.redis_url:
        raise WorkerError(
            "There is no queue to work for: set REDIS_URL, "
            "or use `cxr up`, which starts everything on this machine."
        )


def _supervise(settings: Settings) -> None:
    # Fresh interpreters instead of forks: a model or a library must never be loaded before a fork.
    from worker.supervise.parts import CONTAINER_GRACE_S, check_models, shadow_part, worker_part
    from worker.supervise.supervisor import Supervisor

    check_models(settings)
    with Supervisor() as supervisor:
        for number in range(1, settings.worker_count + 1):
            supervisor.start(worker_part(settings, f"worker-{number}", CONTAINER_GRACE_S))
        if settings.shadow_artifact is not None:
            supervisor.start(shadow_part(settings))
        supervisor.watch()
