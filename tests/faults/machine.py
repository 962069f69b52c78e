"""A whole system whose parts can be broken one by one: `cxr up` with services of the test's own."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.bench.cost import children
from tests.faults import audit
from tests.faults.clock import Clock
from tests.faults.services import DATABASES, Queue, wait_until_gone
from tests.faults.sick_drawing import SICK_PATH
from tests.support.toys import toy_artifact
from tests.support.waiting import wait_for
from web.local.temporary import RunningSystem, running_system
from worker.records.clinics import ClinicRecord
from worker.store import DEFAULT_CLINIC, Store
from worker.store.migrations import migrate

WORKERS = 2
LEASE_S = 3
TOKEN = "a-token-for-the-faults"
# Pixels: some 4 ms for an image, so that a job of 200 lasts long enough to be broken.
NETWORK_SIZE = 192


class Machine:
    """The system, with an untrained toy network in the real engine: the queue is what is tested."""

    def __init__(self, database: str) -> None:
        self._open = contextlib.ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="cxr-"))
        self._open.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.clock = Clock(self.folder)
        self.queue = Queue(self.folder / "queue")
        self._open.callback(self.queue.close)
        self.database = DATABASES[database](self.folder / "database")
        self._open.callback(self.database.close)
        self.store = Store(self.database.url)
        self._open.callback(self.store.close)
        migrate(self.store.database)
        audit.install(self.store.database)
        self.clinic: ClinicRecord = self.store.ensure_clinic(DEFAULT_CLINIC, TOKEN)
        self._system = contextlib.ExitStack()
        self.system: RunningSystem
        self.start()

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """What its parts get to know."""
        return {
            "CXR_ARTIFACT": str(toy_artifact(NETWORK_SIZE)),
            "CXR_HOME": str(self.home),
            "CXR_LEASE_S": str(LEASE_S),
            # A disk is to run full in the middle of a file, not to be found too full before it.
            "CXR_MIN_FREE_MB": "0",
            "CXR_SWEEP_INTERVAL_S": "0.5",
            "CXR_TOKEN": TOKEN,
            "DATABASE_URL": self.database.url,
            "REDIS_URL": self.queue.url,
            "PYTHONPATH": SICK_PATH,
            **self.clock.environment,
        }

    def start(self) -> None:
        self._system = contextlib.ExitStack()
        self.system = self._system.enter_context(
            running_system(self.home, "--workers", str(WORKERS), **self.environment)
        )

    def pids(self, part: str) -> list[int]:
        """Processes of that part: `worker`, `web`, `sweeper`. The one that answers comes first."""
        return [pid for name, pid in children(self.system).items() if name.startswith(part)]

    def kill(self, part: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send one process of that part a signal. Returns: which."""
        pid = self.pids(part)[0]
        os.kill(pid, number)
        return pid

    def fresh_worker(self) -> int:
        """A worker that has not seen an image yet. Returns: its process."""
        before = set(self.pids("worker"))
        self.kill("worker")

        def started() -> int | None:
            for pid in set(self.pids("worker")) - before:
                if list((self.home / "alive").glob(f"*.worker.{pid}")):
                    return pid
            return None

        return wait_for(started)

    def kill_supervisor(self, timeout_s: float = 20.0) -> None:
        """And wait until its parts have followed it. Raises AssertionError when one stays."""
        parts = set(children(self.system).values())
        parts |= {child for pid in parts for child in _children_of(pid)}
        self.system.process.kill()
        self.system.process.wait()
        left = wait_until_gone(parts, timeout_s)
        assert not left, f"{len(left)} processes outlived their supervisor by {timeout_s:.0f} s"
        self._system.close()

    def logs(self) -> str:
        return "\n".join(
            f"--- {file.name}\n{file.read_text()[-4000:]}"
            for file in (self.home / "logs").glob("*.log")
        )

    def close(self) -> None:
        self._system.close()
        self._open.close()


def _children_of(pid: int) -> list[int]:
    listing = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
    )
    return [int(line) for line in listing.stdout.split()]
