"""Signs of life of real processes, which stop, hang and are killed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.waiting import wait_for
from worker.liveness.heartbeat import Heartbeat, is_alive

PROGRAM = (
    "import sys, time; from pathlib import Path; "
    "from worker.liveness.heartbeat import Heartbeat; "
    "heart = Heartbeat(Path(sys.argv[1]), 'worker'); sys.stdin.read(); heart.stop()"
)


@pytest.fixture
def start(tmp_path):
    processes = []

    def start() -> subprocess.Popen:
        command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
        processes.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        wait_for(lambda: list(files(tmp_path, processes[-1].pid)))
        wait_for(lambda: is_alive(tmp_path, "worker", 90))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def files(home, pid="*") -> list:
    return list((home / "alive").glob(f"*.worker.{pid}"))


def test_one_that_runs_is_alive_until_it_ends(tmp_path, start):
    assert not is_alive(tmp_path, "worker", 90)
    process = start()
    assert not is_alive(tmp_path, "sweeper", 90)
    process.communicate()
    assert not is_alive(tmp_path, "worker", 90)
    assert files(tmp_path) == []


def test_one_that_was_killed_is_dead_at_once(tmp_path, start):
    process = start()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert files(tmp_path), "its file is still there, and fresh"
    assert not is_alive(tmp_path, "worker", 90)
    survivor = start()
    assert len(files(tmp_path)) == 1, "the next one removes it"
    assert is_alive(tmp_path, "worker", 90)
    survivor.communicate()


def test_one_that_hangs_is_dead_when_it_gave_no_sign_for_long(tmp_path, start):
    process = start()
    (file,) = files(tmp_path)
    long_ago = time.time() - 100
    os.utime(file, (long_ago, long_ago))
    assert process.poll() is None
    assert not is_alive(tmp_path, "worker", 90)


def test_a_beat_makes_it_fresh(tmp_path):
    heart = Heartbeat(tmp_path, "worker")
    (file,) = files(tmp_path)
    os.utime(file, (0, 0))
    heart.beat()
    assert abs(file.stat().st_mtime - time.time()) < 60
    heart.stop()
