"""The web server as a real process (`cxr web`, SQLite, files) on a free port, without workers.

Tests of the pages let images progress when they want it, with the verbs of the store.
"""

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.access import SECRET_KEY, TOKEN
from tests.support.databases import migrated_store
from tests.support.rows import create_job
from tests.support.waiting import wait_for
from worker.access import PrincipalKind
from worker.files.image_files import ImageFiles
from worker.records.clinics import ClinicRecord
from worker.records.jobs import JobRecord, NewImage
from worker.settings import Settings
from worker.store import DEFAULT_CLINIC
from worker.supervise.parts import CXR

START_S = 120  # on a machine that does much else besides


@dataclass
class Site:
    """A running web server with its own empty data folder. Use as a context."""

    home: Path

    def __post_init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.settings = replace(
            Settings(home=self.home),
            port=port,
            redis_url="redis://127.0.0.1:1/0",
            token=TOKEN,
            secret_key=SECRET_KEY,
        )
        self.store = migrated_store(self.settings.database_url)
        self.clinic: ClinicRecord = self.store.ensure_clinic(DEFAULT_CLINIC, TOKEN)
        self.files = ImageFiles(self.settings.images_dir)
        self.process: subprocess.Popen | None = None
        self._empty = sqlite3.connect(":memory:")
        with self._database() as database:
            database.backup(self._empty)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def __enter__(self) -> "Site":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.store.close()
        self._empty.close()

    def begin_anew(self) -> None:
        """As after the first start, with the same server: no jobs, sessions or files."""
        if self.process is None:
            self.start()
        with self._database() as database:
            self._empty.backup(database)
        for folder in self.settings.images_dir.glob("*"):
            shutil.rmtree(folder, ignore_errors=True)  # a request before may delete it too

    def start(self) -> None:
        log = (self.home / "web.log").open("ab")
        self.process = subprocess.Popen(
            [*CXR, "web"],
            env=os.environ | self.settings.environment(),
            stdout=log,
            stderr=log,
        )
        wait_for(self._answers, START_S)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def session(self) -> str:
        """The secret of a new session of TOKEN."""
        principal = self.store.principal_of_token(TOKEN)
        return self.store.open_session(PrincipalKind.TOKEN, principal.id, "", "")

    def keep(self, path: Path) -> str:
        """Put a copy of `path` into the image store. Returns: its key."""
        with self.files.new_folder().new_file() as incoming:
            incoming.write(path.read_bytes())
            return incoming.keep()

    def job(self, name: str, images: list[NewImage], urgent: bool = False) -> JobRecord:
        return create_job(self.store, self.clinic.id, name, images, urgent=urgent)

    def _database(self) -> contextlib.closing[sqlite3.Connection]:
        path = self.store.database.url.database
        return contextlib.closing(sqlite3.connect(path, timeout=30))

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the web server died:\n{(self.home / 'web.log').read_text()}")
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False
