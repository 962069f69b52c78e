"""The promises about the shape of the code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules_after(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after `statement`."""
    program = f"{statement}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(done.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import worker.running.process, model.classifier", {"tensorflow", "keras", "flask"}),
        (
            "from training.commands import calibrating, making, measuring",
            {"flask", "celery", "sqlalchemy", "tensorflow", "matplotlib"},
        ),
        ("import cxr", {"flask", "celery", "sqlalchemy", "numpy", "tensorflow"}),
    ],
)
def test_a_process_loads_only_what_it_is_for(statement, unwanted):
    assert not modules_after(statement) & unwanted


@pytest.mark.slow  # and the same as in `make lint`
def test_arrows_go_one_way():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_no_other_package_at_the_top():
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert packages == {"model", "tests", "training", "web", "worker"}


def test_tests_share_through_support_only():
    """A module that another imports is not a test, and fixtures need no import."""
    imported = re.compile(r"^from tests\.\S*\b(?:conftest|test_\w+) import", re.MULTILINE)
    assert not [
        file for file in (ROOT / "tests").rglob("*.py") if imported.search(file.read_text())
    ]


def test_the_readme_shows_the_tree_as_it_is():
    readme = (ROOT / "README.md").read_text()
    tracked = subprocess.run(
        ["git", "ls-files", "model/*.py", "training/*.py", "web/*.py", "worker/*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    names = {Path(file).name for file in tracked if not file.endswith("__init__.py")}
    names = {name for name in names if not name[0].isdigit()}
    missing = sorted(name for name in names if name not in readme)
    assert not missing
