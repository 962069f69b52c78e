"""`cxr demo`: real radiographs through the whole system, with the result in the terminal."""

import contextlib
import importlib.util
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from web.client.errors import ClientError
from web.client.files import collect
from web.client.http import Client, Json
from web.client.shared import EXIT_FAILED, client_errors, link, server_options, token_for
from web.client.view import console, follow, results_table, upload_bar
from web.local.temporary import RunningSystem, throwaway_system
from worker.errors import LaunchError

# Of the package pydicom-data: the same chest uncompressed and in JPEG 2000, and a leg.
CHESTS = ("RG1_UNCR.dcm", "RG1_J2KR.dcm")
LEG = "RG3_J2KR.dcm"
WORKERS = 2  # each loads the model, and three images need no more


@dataclass(frozen=True)
class Server:
    """Where the demo runs: `own` is the system that it started for itself."""

    client: Client
    own: RunningSystem | None

    def page(self, job: Json) -> str:
        """A link to the job's page that works: with a sign-in where nobody has signed in yet."""
        if self.own is None:
            return link(self.client, job)
        return f"{self.own.sign_in_url}&next=/jobs/{job['id']}"


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH…]")
@click.option(
    "--images",
    envvar="IMAGES",
    show_envvar=True,
    default="",
    help="More files, folders and zip archives, separated by spaces.",
)
@server_options
def demo(paths: tuple[Path, ...], images: str, url: str, token: str | None) -> None:
    """Classify real radiographs: two chests, a leg that must be refused, and your own files.

    Uses the server that runs on this machine, or starts one for the time of the demo.
    """
    # Without this a closed terminal would leave the demo's own server behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with client_errors():
        files = collect([*_radiographs(), *paths, *_named(images)])
        with _server(url, token) as server:
            job = _submit_and_follow(server, files)
            results = list(server.client.images(job["id"]))
            console().print(results_table(results))
            _say_where(server, job)
        complaint = unexpected(results)
        if complaint:
            click.echo(f"Error: {complaint}", err=True)
            sys.exit(EXIT_FAILED)


def unexpected(results: Sequence[Json]) -> str | None:
    """A sentence when a chest was not classified or the leg not refused, else None."""
    ours = results[: len(CHESTS) + 1]  # images come in upload order
    statuses = {image["filename"]: image["status"] for image in ours}
    for chest in CHESTS:
        if statuses[chest] != "done":
            return f"{chest} is a chest X-ray and was not classified, but {statuses[chest]}."
    if statuses[LEG] != "rejected":
        return f"{LEG} shows a leg and was not refused, but {statuses[LEG]}."
    return None


def _radiographs() -> list[Path]:
    package = importlib.util.find_spec("data_store")
    if package is None or not package.submodule_search_locations:
        raise click.ClickException(
            "The demo's radiographs are missing: `pip install pydicom-data`."
        )
    folder = Path(package.submodule_search_locations[0], "data")
    return [folder / name for name in (*CHESTS, LEG)]


def _named(images: str) -> list[Path]:
    """The paths in IMAGES; quotes protect spaces, as in a shell."""
    try:
        found = [Path(word).expanduser() for word in shlex.split(images)]
    except ValueError as error:
        raise click.UsageError(f"IMAGES cannot be read ({error}): {images}") from error
    for path in found:
        if not path.exists():
            raise click.UsageError(f"IMAGES names {path}, which does not exist.")
    return found


@contextlib.contextmanager
def _server(url: str, token: str | None) -> Iterator[Server]:
    running = _running(url, token)
    if running is not None:
        with running:
            yield Server(running, None)
        return
    click.echo(
        f"No server at {url} takes this machine's token: starting one for the demo.", err=True
    )
    try:
        with (
            throwaway_system("--workers", str(WORKERS)) as own,
            Client(own.url, own.token) as client,
        ):
            yield Server(client, own)
    except LaunchError as error:
        raise click.ClickException(str(error)) from error


def _running(url: str, token: str | None) -> Client | None:
    """A client of the server that runs already, if it knows our token."""
    try:
        client = Client(url, token_for(url, token))
    except (ClientError, click.UsageError):
        return None
    try:
        client.check()
    except ClientError:
        client.close()
        return None
    return client


def _submit_and_follow(server: Server, files: Sequence) -> Json:
    with upload_bar(sum(file.size_bytes for file in files)) as on_sent:
        job = server.client.submit(files, name="Demo", on_sent=on_sent)
    return follow(server.client, job["id"])


def _say_where(server: Server, job: Json) -> None:
    if server.own is not None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo("The demo's system stops now. `make up` starts one that stays.")
        return
    with contextlib.suppress(KeyboardInterrupt):
        click.echo(f"On a page: {server.page(job)}")
        if server.own is not None:
            click.echo("The demo's system runs until Ctrl-C; `make up` starts one that stays.")
            threading.Event().wait()
