"""Health checks that end a part which stays silent: `cxr health PART --end-after TIMES`."""

import http.server
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

import pytest
from click.testing import CliRunner

from worker.cli import health
from worker.liveness import ending

# Stands for a container's init: starts a child that does not stop on SIGTERM, and waits for it.
INIT = """
import subprocess, sys
open("/proc/self/comm", "w").write("tini")
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
stubborn += "print('ready', flush=True); time.sleep(60)"
sys.exit(subprocess.Popen([sys.executable, "-c", stubborn]).wait() != -9)
"""


@pytest.fixture
def container(monkeypatch):
    init = subprocess.Popen(
        [sys.executable, "-c", INIT], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert init.stdout.readline() == "ready\n"
    signals = []

    def end_children(number: signal.Signals) -> None:
        signals.append(number)
        real(number, init.pid)

    real = ending.end_children
    monkeypatch.setattr(ending, "end_children", end_children)
    init.signals = signals
    yield init
    with suppress(ProcessLookupError):
        os.killpg(init.pid, signal.SIGKILL)  # its child, too, which would hold the pipe open
    init.communicate()


@pytest.fixture
def check(settings, monkeypatch, tmp_path):
    def run(part: str, *arguments: str, **changes: str) -> int:
        environment = settings.environment() | changes
        # Only here: other folders that are made meanwhile outlive this test.
        with monkeypatch.context() as here:
            here.setattr("tempfile.tempdir", str(tmp_path))
            return CliRunner().invoke(health, [part, *arguments], env=environment).exit_code

    return run


def test_a_silent_part_is_told_to_stop_and_then_killed(container, check):
    for _ in range(4):
        assert check("worker", "--end-after", "3") == 1
    assert container.signals == [signal.SIGTERM, signal.SIGKILL]
    assert container.wait(10) == 0  # its child was killed


def test_a_sign_of_life_in_between_counts_anew(container, check, settings, monkeypatch):
    for alive in (False, False, True, False, False):
        monkeypatch.setattr("worker.liveness.heartbeat.is_alive", lambda *_, alive=alive: alive)
        assert check("worker", "--end-after", "3") == (0 if alive else 1)
    assert container.signals == []


def test_without_the_option_nothing_is_ended(container, check):
    for _ in range(5):
        assert check("sweeper") == 1
    assert container.signals == []


@pytest.mark.slow
def test_the_web_server_is_asked(check, settings, tmp_path):
    from tests.support.site import Site

    assert check("web", CXR_PORT="1") == 1
    with Site(tmp_path / "site") as site:
        assert check("web", CXR_PORT=str(site.settings.port)) == 0


def test_outside_of_a_container_nothing_is_ended():
    assert ending.end_children(signal.SIGCONT, os.getppid()) == []


def test_the_web_server_is_asked_at_the_address_that_it_listens_on(check):
    """One of several of this machine: at another, nobody answers."""

    class Healthy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the test's output."""

    with http.server.HTTPServer(("127.0.0.2", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        port = str(server.server_port)
        assert check("web", CXR_HOST="127.0.0.2", CXR_PORT=port) == 0
        assert check("web", CXR_HOST="127.0.0.1", CXR_PORT=port) == 1
        server.shutdown()
