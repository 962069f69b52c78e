"""Everything on one machine, in one folder, under one supervisor."""

import contextlib
import fcntl
import os
import secrets
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from model import DISCLAIMER
from model.artifact import load_artifact
from worker.errors import LaunchError
from worker.settings import Settings
from worker.store import DEFAULT_CLINIC, Store
from worker.store.migrations import migrate
from worker.supervise.parts import CXR, sweeper_part, worker_part
from worker.supervise.process import Part
from worker.supervise.supervisor import Supervisor
from worker.supervise.valkey import EmbeddedValkey

START_TIMEOUT_S = 60.0


class OneMachine:
    """The checks before the start, the parts in their order, and the lines that the user reads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self) -> None:
        """Until SIGINT or SIGTERM. Raises LaunchError or ModelError when it cannot start."""
        with _home(self._settings.home):
            settings = replace(
                self._settings,
                port=_free_port(self._settings.host, self._settings.port),
                token=self._settings.token or _kept_secret(self._settings.home / "token"),
                secret_key=self._settings.secret_key
                or _kept_secret(self._settings.home / "secret_key"),
            )
            load_artifact(settings.artifact)  # a missing model is better told now than by a worker
            with _queue(settings) as (settings, valkey), Supervisor(_logs(settings)) as supervisor:
                self._start(supervisor, settings, valkey)
                supervisor.watch()
                click.echo("Stopping: images in work are finished, the rest waits for next time.")

    def _start(
        self, supervisor: Supervisor, settings: Settings, valkey: EmbeddedValkey | None
    ) -> None:
        if valkey is not None:
            supervisor.start(
                Part("valkey", valkey.command(), settings.without_secrets.environment(), stage=0)
            )
        store = Store(settings.database_url)
        migrate(store.database)
        store.ensure_clinic(DEFAULT_CLINIC, settings.token)
        store.close()
        if valkey is not None:
            valkey.wait()  # it starts while the tables are made
        supervisor.start(Part("web", [*CXR, "web"], settings.environment()))
        for number in range(1, settings.worker_count + 1):
            supervisor.start(worker_part(settings, f"worker-{number}"))
        supervisor.start(sweeper_part(settings))
        address = _address(settings)
        if supervisor.wait_until(lambda: _answers(f"{address}/healthz"), START_TIMEOUT_S):
            _greet(settings, address)
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
    if not home.stat().st_mode & 0o077:
        return
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
        except OSError as error:
            raise LaunchError(
                f"Cannot listen on {host} port {port} ({os.strerror(error.errno)}). "
                "Choose another port with --port, or another address with --host."
            ) from error
        return probe.getsockname()[1]


def _kept_secret(file: Path) -> str:
    """The secret in `file`, made at the first start; only its owner can read it."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(descriptor, "w") as opened:
        secret = secrets.token_urlsafe(32)
        opened.write(secret + "\n")
    return secret


def _logs(settings: Settings) -> Path:
    return settings.home / "logs"


def _address(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    return f"http://{host}:{settings.port}"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _greet(settings: Settings, address: str) -> None:
    click.echo(f"cxr-batch is running at {address}")
    click.echo(f"Sign in:     {address}/sign-in?token={settings.token}")
    click.echo(f"Data folder: {settings.home}")
    click.echo(f"{DISCLAIMER} Press Ctrl-C to stop.")
