"""What the commands that ask a server have in common: address, token, exit codes, errors."""

import contextlib
import json
import socket
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import click

from web.client.errors import ClientError, Unreachable
from web.client.http import Client, Json
from worker.errors import SettingsError
from worker.settings import Settings

DEFAULT_URL = "http://127.0.0.1:8000"
EXIT_FAILED, EXIT_UNREACHABLE, EXIT_INTERRUPTED = 1, 3, 130


def server_options(command: Callable) -> Callable:
    """`--url` and `--token`."""
    url = click.option(
        "--url",
        envvar="CXR_URL",
        default=_known_address,
        show_envvar=True,
        help="Address of the server. Default: where `cxr up` last ran on this machine, else "
        f"{DEFAULT_URL}.",
    )
    token = click.option(
        "--token",
        envvar="CXR_TOKEN",
        show_envvar=True,
        help="Access token. Default, for a server on this machine: the one that `cxr up` keeps in "
        "its home.",
    )
    return url(token(command))


def _known_address() -> str:
    try:
        return Settings.from_env().known_address
    except SettingsError:  # which the command tells of, where it needs them
        return DEFAULT_URL


def token_for(url: str, token: str | None) -> str:
    """The given token, else this machine's, which is sent to no other machine.

    Raises click.UsageError.
    """
    with contextlib.suppress(ValueError):  # of which the client says what is wrong with it
        host = urlsplit(url).hostname
        if not token and host and not _is_this_machine(host):
            raise click.UsageError(
                f"There is no access token for {host}. The one that `cxr up` keeps is only sent to "
                "a server on this machine. Give one with --token or CXR_TOKEN."
            )
    return known_token(token)


def known_token(token: str | None, settings: Settings | None = None) -> str:
    """The given token, else the one in the home of `settings` (default: this machine's).

    Raises click.UsageError.
    """
    if not token:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            token = (settings or Settings.from_env()).token_file.read_text()
    token = (token or "").strip()
    if not token:
        raise click.UsageError(
            "There is no access token. Set CXR_TOKEN, or start `cxr up` on this machine, which "
            "makes one."
        )
    if not (token.isascii() and token.isprintable()):
        raise click.UsageError("The access token holds characters that no token has.")
    return token


def _is_this_machine(host: str) -> bool:
    """Whether all its addresses are this machine's: nobody can listen on another's."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(address)
    except OSError:
        return False
    return True


def link(client: Client, job: Json) -> str:
    """Address of the job's page."""
    return f"{client.url}/jobs/{job['id']}"


def document(client: Client, job: Json) -> str:
    """The job as one line of JSON, with the address of its page."""
    return json.dumps({**job, "link": link(client, job)})


@contextlib.contextmanager
def client_errors() -> Iterator[None]:
    """The client's errors become one sentence on stderr and the exit code of their kind."""
    try:
        yield
    except (ClientError, SettingsError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(EXIT_UNREACHABLE if isinstance(error, Unreachable) else EXIT_FAILED)
