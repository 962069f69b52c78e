"""The Dockerfile against the packages that it installs."""

import fnmatch
import glob
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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
    for stage in dockerfile().values():
        for word, value in stage.instructions:
            if word == "COPY" and not value.startswith("--from"):
                copied.update(shlex.split(value)[:-1])
    assert {source.partition("/")[0] for source in copied} == allowed
    assert all((ROOT / source).exists() for source in copied)
    assert {"model", "web", "worker"} <= copied


def test_only_what_is_locked_is_installed():
    extras = _project()["project"]["optional-dependencies"]
    assert any("tensorflow[and-cuda]" in need for need in extras["gpu"])
    for target, locks in (("build-cpu", ["run"]), ("build-gpu", ["run", "gpu"])):
        said = " ".join(value for _, value in instructions(dockerfile(), target))
        assert re.findall(r"--require-hashes --requirement /locks/(\w+)\.txt", said) == locks
        assert said.count("pip install") == len(locks) + 1
        assert "pip install --no-deps /src" in said


@pytest.mark.parametrize(("name", "extra"), [("run", None), ("gpu", "gpu"), ("test", "test")])
def test_locks_hold_what_the_project_needs(name, extra):
    locked = _locked(ROOT / "locks" / f"{name}.txt")
    project = _project()["project"]
    left = [*project["dependencies"], *project["optional-dependencies"].get(extra, [])]
    while left:
        need = Requirement(left.pop())
        if need.name == project["name"]:
            left += [one for own in need.extras for one in project["optional-dependencies"][own]]
            continue
        versions = locked.get(canonicalize_name(need.name), [])
        assert versions, f"{need.name} is not in locks/{name}.txt: run `make lock`"
        assert all(need.specifier.contains(version) for version in versions), need


def test_locks_agree_and_say_no_address():
    run = _locked(ROOT / "locks" / "run.txt")
    for name in ("gpu", "test"):
        text = (ROOT / "locks" / f"{name}.txt").read_text()
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
        locked = _locked(ROOT / "locks" / f"{name}.txt")
        assert {package: locked[package] for package in run} == run


def _locked(file: Path) -> dict[str, list[str]]:
    """Versions by package; there are several where platforms differ. Each has a hash."""
    found: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", file.read_text().strip()):
        name, version = re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", entry).groups()
        assert "--hash=sha256:" in entry, name
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


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
