"""A real disk that is full to its last byte: what is deleted makes room for what comes next."""

import json
import subprocess
import sys

import pytest

# In namespaces of its own, where mounting needs no rights on the machine.
PRIVATE = ("unshare", "--mount", "--map-root-user")
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=200m tmpfs "$0" && exec "$@"'


@pytest.fixture(scope="module")
def on_a_full_disk(tmp_path_factory):
    """Runs `tests.faults.full_disk`. Returns: its answers."""
    if subprocess.run([*PRIVATE, "true"], capture_output=True).returncode:
        pytest.skip("no namespaces on this machine (unshare)")

    def run(reserve: str) -> dict:
        folder = tmp_path_factory.mktemp("disk")
        command = [sys.executable, "-m", "tests.faults.full_disk", str(folder), reserve]
        run = subprocess.run(
            [*PRIVATE, "sh", "-c", ON_A_SMALL_DISK, str(folder), *command],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout.splitlines()[-1])

    return run


def test_a_job_can_be_deleted_and_makes_room(on_a_full_disk):
    assert on_a_full_disk("hold") == {
        "before": 202,
        "full": 507,
        "ready": "full",
        "deleted": 204,
        "again": 202,
    }


def test_without_the_reserve_it_could_not(on_a_full_disk):
    assert on_a_full_disk("none")["deleted"] == 503
