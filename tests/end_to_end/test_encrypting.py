"""A system that kept plain files gets a key, and later another one, while it works."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.running import answers, complete, readable, stored, upload
from tests.support.waiting import wait_for
from web.local.temporary import RunningSystem, running_system
from worker.files.sealing import FileKeys, key_id
from worker.supervise.parts import CXR

OLD, NEW = "o" * 40, "n" * 40


def encrypting(home: Path, key: str) -> subprocess.Popen:
    environment = {**os.environ, "CXR_HOME": str(home), "CXR_FILES_KEY": key}
    return subprocess.Popen(
        [*CXR, "files", "encrypt"], env=environment, stdout=subprocess.PIPE, text=True
    )


@contextmanager
def uploads(system: RunningSystem, *files: Path) -> Iterator[list[int]]:
    """Jobs that go on coming in meanwhile."""
    stop, jobs = threading.Event(), []

    def go_on() -> None:
        while not stop.wait(0.1):
            jobs.append(upload(system, *files))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield jobs
    finally:
        stop.set()
        thread.join()


def test_files_are_encrypted_and_change_their_key_while_the_system_works(
    tmp_path, chest, radiographs
):
    home = tmp_path / "home"
    with running_system(home, "--workers", "1") as system:
        job_id = upload(system, chest, radiographs["RG1_UNCR"], radiographs["RG3_UNCR"])
        wait_for(lambda: complete(system, job_id), timeout_s=120)
        before = answers(system, job_id)
        others = [upload(system, *[chest] * 10) for _ in range(3)]
    assert readable(home)

    with running_system(home, "--workers", "1", CXR_FILES_KEY=OLD) as system:
        with uploads(system, chest) as more:
            killed = encrypting(home, OLD)
            wait_for(lambda: sealed_files(home) > 3)
            killed.kill()
            killed.communicate()
            done = encrypting(home, OLD)
            said, _ = done.communicate(timeout=120)
            assert done.returncode == 0, said
            # What was not read before it was encrypted is read now.
            assert answers(system, job_id) == before
        assert readable(home) == []
        others += more
        for other in others:
            wait_for(lambda: complete(system, other), timeout_s=120)  # noqa: B023
            assert complete(system, other)["counts"]["failed"] == 0

    with running_system(home, "--workers", "1", CXR_FILES_KEY=f"{NEW},{OLD}") as system:
        with uploads(system, chest) as more:
            done = encrypting(home, f"{NEW},{OLD}")
            said, _ = done.communicate(timeout=120)
        assert done.returncode == 0, said
        assert f"Nothing needs the key {FileKeys([OLD]).ids[0]} any more" in said
        assert answers(system, job_id) == before
        for other in (*others, *more):
            wait_for(lambda: complete(system, other), timeout_s=120)  # noqa: B023
            assert complete(system, other)["counts"]["failed"] == 0
    assert {key_id(file.read_bytes()) for file in stored(home)} == set(FileKeys([NEW]).ids)


def sealed_files(home: Path) -> int:
    images = {file for file in stored(home) if file.is_relative_to(home / "images")}
    return len(images.difference(readable(home)))
