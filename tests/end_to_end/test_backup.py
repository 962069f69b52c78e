"""A backup of a running system that works meanwhile, restored and started elsewhere."""

import os
import subprocess
import threading

import pytest

from tests.support.running import answers, complete, readable, upload
from tests.support.waiting import wait_for
from web.local.temporary import running_system
from worker.errors import LaunchError
from worker.supervise.parts import CXR


def cxr(*arguments: object) -> None:
    done = subprocess.run(
        [*CXR, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "DATABASE_URL": ""},
    )
    assert done.returncode == 0, done.stderr


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
