"""`cxr up`: the whole system on one machine. `cxr web`: the web server alone."""

from pathlib import Path

import click

from web.local.machine import OneMachine
from worker.errors import worker_errors
from worker.logs import log_to_stderr
from worker.settings import Settings


@click.command()
@click.option("--host", help="Address to listen on. Default: CXR_HOST or 127.0.0.1.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port; 0 takes a free one. Default: CXR_PORT or 8000.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Folder of all data. Default: CXR_HOME or ~/.local/share/cxr-batch.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Worker processes. Default: CXR_WORKERS, or one per core.",
)
def up(host: str | None, port: int | None, home: Path | None, workers: int | None) -> None:
    """Start everything on this machine, and stop it with Ctrl-C.

    The queue, the workers, the sweeper and the web server run under one supervisor, which starts a
    part again when it dies. Jobs go on where they stood.
    """
    log_to_stderr()
    with worker_errors():
        settings = Settings.from_env(host=host, port=port, home=home, workers=workers)
        OneMachine(settings).run()


@click.command()
def web() -> None:
    """Serve the pages and the REST API, until SIGTERM."""
    from web.door.server import serve

    log_to_stderr()
    with worker_errors():
        serve(Settings.from_env())
