"""Everything on one machine, in one folder, under one supervisor."""

import contextlib
import fcntl
import os
import secrets
import shlex
import socket
import stat
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click

from model import DISCLAIMER
from worker.errors import LaunchError, TokenEnded
from worker.files.image_files import ImageFiles
from worker.settings import Settings
from worker.store import DEFAULT_CLINIC, Store
from worker.store.migrations import migrate
from worker.supervise.parts import CXR, check_models, shadow_part, sweeper_part, worker_part
from worker.supervise.process import Part
from worker.supervise.supervisor import Supervisor
from worker.supervise.valkey import EmbeddedValkey
from worker.tokens import check_chosen, new_token

START_TIMEOUT_S = 60.0


class OneMachine:
    """The checks before the start, the parts in their order, and the lines that the user reads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self) -> None:
        """Until SIGINT or SIGTERM. Raises LaunchError, ModelError or FileLocked when it cannot
        start."""
        with _home(self._settings.home):
            settings = replace(
                self._settings,
                port=_free_port(self._settings.host, self._settings.port),
                secret_key=self._settings.secret_key
                or _kept_secret(self._settings.home / "secret_key", secrets.token_urlsafe),
            )
            if settings.token:
                check_chosen(settings.token, "CXR_TOKEN")
            # A missing model or key is better told now than by a worker.
            check_models(settings)
            ImageFiles.of(settings)
            with _queue(settings) as (settings, valkey), Supervisor(_logs(settings)) as supervisor:
                self._start(supervisor, settings, valkey)
                supervisor.watch()
                click.echo("Stopping: images in work are finished, the rest waits for next time.")

    def _start(
        self, supervisor: Supervisor, settings: Settings, valkey: EmbeddedValkey | None
    ) -> None:
        if valkey is not None:
            queue = supervisor.start(
                Part("valkey", valkey.command(), settings.without_secrets.environment(), stage=0)
            )
        store = Store(settings.database_url)
        migrate(store.database)
        link = store.sign_in_link(_let_in(store, settings))
        store.close()
        if valkey is not None:
            valkey.wait(queue)  # it starts while the tables are made
        supervisor.start(Part("web", [*CXR, "web"], settings.environment()))
        for number in range(1, settings.worker_count + 1):
            supervisor.start(worker_part(settings, f"worker-{number}"))
        address = settings.local_address
        if supervisor.wait_until(lambda: _answers(f"{address}/healthz"), START_TIMEOUT_S):
            # Last: what it sweeps can wait, and the others need the cores for their start.
            supervisor.start(sweeper_part(settings))
            if settings.shadow_artifact is not None:
                supervisor.start(shadow_part(settings))
            settings.address_file.write_text(f"{address}\n")
            _greet(settings, address, link)
        elif not supervisor.stopping.is_set():
            raise LaunchError(
                f"The web server or a worker did not start. Its log is in {_logs(settings)}."
            )


@contextlib.contextmanager
def _home(home: Path) -> Iterator[None]:
    """Hold the data folder: one system at a time works in it."""
    try:
        os.umask(0o077)  # for all parts: what they write is for this user alone
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _close_to_others(home)
        lock = (home / "lock").open("a+")
    except OSError as error:
        raise LaunchError(
            f"The data folder {home} cannot be written ({os.strerror(error.errno)}). "
            "Choose another with --home."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LaunchError(
                f"Another `cxr up` is running in {home}. Stop it, or choose another folder "
                "with --home."
            ) from None
        yield


def _close_to_others(home: Path) -> None:
    """A folder that existed may be open to everybody on the machine."""
    mode = home.stat().st_mode
    if not mode & 0o077:
        return
    if mode & stat.S_ISVTX:
        raise LaunchError(
            f"{home} is a folder for everybody on this machine. Choose one of your own with --home."
        )
    try:
        home.chmod(0o700)
    except PermissionError:
        click.echo(
            f"Other users of this machine can look into {home}, and it belongs to somebody else. "
            "Choose a folder of your own with --home.",
            err=True,
        )
    else:
        click.echo(f"{home} was open to other users of this machine; now it is yours alone.")


@contextlib.contextmanager
def _queue(settings: Settings) -> Iterator[tuple[Settings, EmbeddedValkey | None]]:
    """The configured Redis, else an embedded server that is yet to be started."""
    if settings.redis_url:
        yield settings, None
        return
    valkey = EmbeddedValkey(settings.home / "valkey")
    try:
        yield replace(settings, redis_url=valkey.url), valkey
    finally:
        valkey.clean_up()


def _free_port(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:  # of a name that nobody knows, too, whose numbers are others
            raise LaunchError(
                f"Cannot listen on {host} port {port} ({error.strerror}). "
                "Choose another port with --port, or another address with --host."
            ) from error
        return probe.getsockname()[1]


def _let_in(store: Store, settings: Settings) -> str:
    """The token that opens the first clinic: CXR_TOKEN, else the one of the token file.

    One in the file that was revoked or replaced since gives way to a new one.
    """
    if settings.token:
        store.ensure_clinic(DEFAULT_CLINIC, settings.token)
        return settings.token
    token = _kept_secret(settings.token_file, new_token)
    try:
        store.ensure_clinic(DEFAULT_CLINIC, token)
    except TokenEnded:
        settings.token_file.unlink()
        token = _kept_secret(settings.token_file, new_token)
        store.ensure_clinic(DEFAULT_CLINIC, token)
    return token


def _kept_secret(file: Path, make: Callable[[], str]) -> str:
    """The secret in `file`, made at the first start; only its owner can read it.

    An empty file counts as missing: an empty secret would let everybody in.
    """
    with contextlib.suppress(FileNotFoundError):
        if kept := file.read_text().strip():
            return kept
    secret = make()
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    # Whole or not at all, also when the machine stops meanwhile.
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(secret + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(part, file)
    return secret


def _logs(settings: Settings) -> Path:
    return settings.home / "logs"


def link_address(address: str, link: str) -> str:
    """Of a link that works once."""
    return f"{address.rstrip('/')}/sign-in?link={link}"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _greet(settings: Settings, address: str, link: str) -> None:
    click.echo(f"cxr-batch is running at {address}")
    click.echo(f"Sign in:     {link_address(address, link)}")
    click.echo("             The link works once; `cxr sign-in` prints another.")
    click.echo(f"Data folder: {settings.home}")
    if settings.home != Settings.from_env().home:
        home = shlex.quote(str(settings.home.absolute()))
        click.echo(f"             For other commands: export CXR_HOME={home}")
    click.echo(f"{DISCLAIMER} Press Ctrl-C to stop.")
