"""The Dockerfile against the packages that it installs."""

import fnmatch
import glob
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from tests.support.compose import ROOT, dockerfile, instructions, own_services

TARGETS = ("cpu", "gpu")


@pytest.mark.parametrize("target", TARGETS)
def test_containers_do_not_run_as_root(target):
    users = [value for word, value in instructions(dockerfile(), target) if word == "USER"]
    assert users == ["10001:10001"]


def test_data_lies_where_the_volume_is():
    for target in TARGETS:
        said = " ".join(value for _, value in instructions(dockerfile(), target))
        assert "CXR_HOME=/data" in said
        assert "--owner cxr" in said
    for name, service in own_services().items():
        assert service["build"]["target"] in TARGETS, name


def test_dockerfile_copies_what_exists():
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = set()
    for word, value in dockerfile()["sources"].instructions:
        if word == "COPY":
            copied.update(shlex.split(value)[:-1])
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)
    assert {"model", "web", "worker"} <= copied


def test_dockerfile_installs_extras_that_exist():
    project = _project()["project"]
    installed = " ".join(value for word, value in instructions(dockerfile(), "build-gpu"))
    (extra,) = set(re.findall(r"/src\[(\w+)\]", installed))
    assert any("tensorflow[and-cuda]" in need for need in project["optional-dependencies"][extra])
    assert not any("tensorflow" in need for need in project["dependencies"])
    cpu = " ".join(value for word, value in instructions(dockerfile(), "build-cpu"))
    assert "pip install /src" in cpu
    assert "[" not in cpu


def test_packages_carry_their_data_files():
    """An image installs the packages; what is not listed as package data would be missing there."""
    listed = _project()["tool"]["setuptools"]["package-data"]
    for package in ("model", "training", "web", "worker"):
        folder = ROOT / package
        kept = {
            folder / name
            for pattern in listed[package]
            for name in glob.glob(pattern, root_dir=folder, recursive=True)
        }
        found = {file for file in folder.rglob("*") if file.is_file() and not _is_code(file)}
        assert found <= kept, package


def _is_code(file: Path) -> bool:
    return file.suffix == ".py" or fnmatch.fnmatch(str(file), "*/__pycache__/*")


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
