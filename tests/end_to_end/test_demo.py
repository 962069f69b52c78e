"""`cxr demo`, which `make demo` runs: by itself, and with a system that runs already."""

import os
import shlex
import subprocess
import sys

import pytest

from web.local.demo import CHESTS, LEG, unexpected

MAX_S = 60


def demo(**environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "cxr", "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * MAX_S,
        env={**os.environ, **environment},
    )


def test_by_itself_it_starts_and_stops_its_own_system(tmp_path):
    (tmp_path / "tmp").mkdir()
    shown = demo(CXR_URL="http://127.0.0.1:1", CXR_HOME=str(tmp_path), TMPDIR=str(tmp_path / "tmp"))
    assert shown.returncode == 0, shown.stdout + shown.stderr
    lines = {line.split()[0]: line for line in shown.stdout.splitlines() if ".dcm" in line}
    assert all("rejected" not in lines[chest] for chest in CHESTS)
    assert "rejected" in lines[LEG]
    assert "not a diagnosis" in shown.stdout
    assert "`make up`" in shown.stdout
    assert not any((tmp_path / "tmp").iterdir())


def test_with_a_running_system_it_uses_that_one(stack, tmp_path):
    mine = tmp_path / "my scans"
    mine.mkdir()
    (mine / "note.txt").write_text("no X-ray")
    shown = demo(CXR_URL=stack.url, CXR_HOME=str(stack.home), IMAGES=shlex.quote(str(mine)))
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "my scans/note.txt" in shown.stdout
    assert f"On a page: {stack.url}/jobs/" in shown.stdout
    assert stack.token not in shown.stdout + shown.stderr


def test_images_that_do_not_exist_are_named(tmp_path):
    shown = demo(IMAGES=str(tmp_path / "gone"))
    assert shown.returncode == 2
    assert f"IMAGES names {tmp_path / 'gone'}" in shown.stderr


@pytest.mark.parametrize(
    ("chest", "leg", "said"),
    [
        ("done", "rejected", None),
        ("failed", "rejected", "was not classified, but failed"),
        ("done", "done", "was not refused, but done"),
    ],
)
def test_it_judges_its_own_outcome(chest, leg, said):
    results = [{"filename": name, "status": chest} for name in CHESTS]
    results.append({"filename": LEG, "status": leg})
    complaint = unexpected(results)
    assert complaint is None if said is None else said in complaint
