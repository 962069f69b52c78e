"""The Dockerfile against the packages that it installs."""

import fnmatch
import glob
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
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


class TestPins:
    """`make pin`, with a `docker` that answers as buildx does; no registry is asked."""

    @pytest.fixture
    def pin(self, tmp_path):
        (tmp_path / "locks").mkdir()
        for name in ("Dockerfile", "docker-compose.yml", "locks/pin_images.sh"):
            shutil.copy(ROOT / name, tmp_path / name)

        def run(answer: str) -> subprocess.CompletedProcess:
            docker = tmp_path / "bin" / "docker"
            docker.parent.mkdir(exist_ok=True)
            docker.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\n{answer}\n')
            docker.chmod(0o755)
            path = f"{docker.parent}:{os.environ['PATH']}"
            command = ["sh", tmp_path / "locks" / "pin_images.sh"]
            return subprocess.run(
                command, env=os.environ | {"PATH": path}, capture_output=True, text=True
            )

        return run

    @staticmethod
    def images(folder: Path) -> list[str]:
        """Those that are not built here."""
        text = (folder / "Dockerfile").read_text() + (folder / "docker-compose.yml").read_text()
        found = re.findall(r"^(?:ARG PYTHON=| *image: )(\S+)", text, re.M)
        return [image for image in found if not image.startswith("cxr-batch:")]

    def test_every_foreign_image_is_pinned_and_renewed(self, pin, tmp_path):
        given = [image.partition("@")[0] for image in self.images(tmp_path)]
        assert len(given) == 3
        for letter in "ab":
            digest = f"sha256:{letter * 64}"
            done = pin(f"echo {digest}")
            assert done.returncode == 0, done.stderr
            assert self.images(tmp_path) == [f"{image}@{digest}" for image in given]
        asked = (tmp_path / "asked").read_text().splitlines()
        words = "buildx imagetools inspect --format {{.Manifest.Digest}}"
        assert sorted(asked[:3]) == sorted(f"{words} {image}" for image in given)
        yaml.safe_load((tmp_path / "docker-compose.yml").read_text())

    @pytest.mark.parametrize("answer", ["exit 1", "echo", "echo sha256:short"])
    def test_without_an_answer_nothing_is_pinned(self, pin, tmp_path, answer):
        before = self.images(tmp_path)
        done = pin(answer)
        assert done.returncode != 0
        assert self.images(tmp_path) == before
