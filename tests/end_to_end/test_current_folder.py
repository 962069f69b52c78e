"""Whatever lies in the current folder, the commands run the installed code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running import complete, upload
from tests.support.waiting import wait_for
from web.local.temporary import running_system

# Names of our own packages and of libraries that are imported early, late, or by a child process.
TAKEN = ("model", "worker", "web", "training", "celery", "uvicorn", "flask", "numpy", "redis")
TRAP = "raise SystemExit('the current folder was imported')\n"


@pytest.fixture
def trapped(tmp_path, monkeypatch) -> Path:
    """The current folder: it holds modules and packages with our names."""
    folder = tmp_path / "trapped"
    for name in TAKEN:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(TRAP)
        (folder / f"{name}.py").write_text(TRAP)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", "")
    return folder


def cxr(*arguments: str) -> subprocess.CompletedProcess:
    command = Path(sys.executable).with_name("cxr")
    if not command.exists():
        pytest.skip("the command `cxr` is not installed beside this Python: use `make test`")
    return subprocess.run(
        [str(command), *arguments], capture_output=True, text=True, timeout=120, env=os.environ
    )


def test_the_trap_works(trapped):
    done = subprocess.run([sys.executable, "-m", "model"], capture_output=True, text=True)
    assert "the current folder was imported" in done.stderr


def test_up_classifies(trapped, tmp_path, chest):
    with running_system(tmp_path / "home", "--workers", "1") as stack:
        job_id = upload(stack, chest)
        job = wait_for(lambda: complete(stack, job_id), timeout_s=60)
    assert job["counts"]["done"] == 1


def test_classify(trapped, chest):
    done = cxr("classify", str(chest), "--json")
    assert done.returncode == 0, done.stderr
    assert '"label"' in done.stdout


def test_demo(trapped):
    done = cxr("demo", "--url", "http://127.0.0.1:1")
    assert done.returncode == 0, done.stderr
