"""The front door: what every command has in common."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import cxr
from tests.support import commands
from tests.support.scripted import Scripted


def test_what_the_machine_refuses_is_one_sentence(tmp_path, monkeypatch):
    @click.command()
    @click.argument("file", type=Path)
    def read(file: Path) -> None:
        file.read_bytes()

    monkeypatch.setattr(cxr.LazyGroup, "get_command", lambda *_: read)
    done = commands.cxr("read", tmp_path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: {tmp_path}: Is a directory.\n"
    with pytest.raises(FileNotFoundError):
        raise commands.cxr("read", tmp_path / "gone").exception


def test_ctrl_c_is_told_from_a_failure(monkeypatch):
    @click.command()
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cxr.LazyGroup, "get_command", lambda *_: interrupted)
    done = commands.cxr("interrupted")
    assert (done.exit_code, done.stderr) == (130, "Stopped.\n")


def test_a_text_that_is_not_utf_8_is_one_sentence(tmp_path):
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'cxr.db'}"}
    assert commands.cxr("migrate", **database).exit_code == 0
    done = commands.cxr(*("retention", "set", "St. \udcff", "--keep-jobs", 3), **database)
    assert done.exit_code == 2
    assert "not UTF-8" in done.stderr


def test_a_full_disk_behind_standard_output():
    server = Scripted()
    counts = {"total": 1, "done": 1, "rejected": 0, "failed": 0, "cancelled": 0}
    server.gives(200, {"id": 7, "status": "complete", "counts": counts})
    server.gives(200, b"[]")
    try:
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "cxr", "results", "7", "--json"],
                env={**os.environ, "CXR_URL": server.url, "CXR_TOKEN": "any"},
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
    finally:
        server.close()
    assert done.stderr == "Error: No space left on device.\n"
    assert done.returncode == 1
