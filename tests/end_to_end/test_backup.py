"""A backup of a running system that works meanwhile, restored and started elsewhere."""

import os
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from tests.support.running import complete, upload
from tests.support.waiting import wait_for
from web.local.temporary import running_system
from worker.errors import LaunchError
from worker.intake.sealing import is_sealed
from worker.supervise.parts import CXR


def cxr(*arguments: object) -> None:
    done = subprocess.run(
        [*CXR, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "DATABASE_URL": ""},
    )
    assert done.returncode == 0, done.stderr


def answers(system, job_id: int) -> dict:
    """What a clinic can see of a job, by address."""
    headers = {"Authorization": f"Bearer {system.token}"}
    with httpx.Client(base_url=f"{system.url}/api/v1", headers=headers, timeout=60) as client:
        images = client.get(f"/jobs/{job_id}/images").json()["items"]
        paths = [f"/jobs/{job_id}", f"/jobs/{job_id}/results.json"]
        for image in images:
            paths += [f"/images/{image['id']}", f"/images/{image['id']}/attention.json"]
            paths.append(f"/images/{image['id']}/preview.png")
        found = {path: client.get(path) for path in paths}
    # The leg has a picture, and no map.
    assert sorted(answer.status_code for answer in found.values()) == [200] * 10 + [404]
    return {path: (answer.status_code, answer.content) for path, answer in found.items()}


def readable(home: Path) -> list[Path]:
    """X-rays and pictures on the disk that are not encrypted."""
    files = [file for name in ("images", "pictures") for file in (home / name).rglob("*")]
    assert len(files) > 3
    return [file for file in files if file.is_file() and not is_sealed(file.read_bytes())]


def test_a_backup_of_an_encrypted_system_at_work_holds_every_result(tmp_path, chest, radiographs):
    stop, key = threading.Event(), {"CXR_FILES_KEY": "k" * 40}
    with running_system(tmp_path / "home", "--workers", "1", **key) as system:
        job_id = upload(system, chest, radiographs["RG1_UNCR"], radiographs["RG3_UNCR"])
        wait_for(lambda: complete(system, job_id), timeout_s=120)
        before = answers(system, job_id)

        def go_on() -> None:
            while not stop.is_set():
                upload(system, chest)

        others = threading.Thread(target=go_on)
        others.start()
        try:
            cxr("backup", tmp_path / "backup.tar", "--home", tmp_path / "home")
        finally:
            stop.set()
            others.join()
    cxr("restore", tmp_path / "backup.tar", "--home", tmp_path / "restored")
    assert readable(tmp_path / "home") == readable(tmp_path / "restored") == []
    with running_system(tmp_path / "restored", "--workers", "1", **key) as system:
        assert answers(system, job_id) == before
    with (
        pytest.raises(LaunchError, match="CXR_FILES_KEY does not hold"),
        running_system(tmp_path / "restored", "--workers", "1"),
    ):
        pass
