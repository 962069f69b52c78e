"""A web server that is killed at the worst moments, and a disk that is full."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.faults.machine import TOKEN
from tests.faults.scenarios.registry import REDIS_BACK_S, Unavailable, scenario
from tests.faults.scenarios.uploads import half_an_upload
from tests.faults.sick_drawing import DIES, HANGS
from tests.faults.trial import IMAGES, Trial, chest, new_key
from tests.support import crowd
from tests.support.waiting import wait_for


@scenario()
def web_process_killed(trial: Trial) -> None:
    """kill -9 of the web server while it takes an upload"""
    machine = trial.machine
    folders = set(_folders(trial))
    uploading = threading.Thread(target=trial.upload)
    uploading.start()
    wait_for(lambda: set(_folders(trial)) - folders, timeout_s=30, every_s=0.002)
    machine.kill("web")
    trial.over()
    uploading.join()


@scenario(within_s=REDIS_BACK_S)
def web_killed_before_sending(trial: Trial) -> None:
    """Web server killed between the commit of a job and its messages; the client tries again"""
    machine, key = trial.machine, new_key()
    with machine.queue.frozen():  # so that it stays between the two
        sending = threading.Thread(target=trial.send, kwargs={"key": key})
        sending.start()
        job = wait_for(lambda: machine.store.job_of_key(machine.clinic.id, key))
        machine.kill("web")
        sending.join()
    assert trial.upload(key=key) == job.id
    trial.over()


@scenario()
def web_killed_in_an_upload(trial: Trial) -> None:
    """Web server killed in the middle of an upload; the client tries again"""
    machine, key = trial.machine, new_key()
    folders = set(_folders(trial))
    with half_an_upload(machine.system.url, key):
        wait_for(lambda: set(_folders(trial)) - folders)
        machine.kill("web")
    assert machine.store.job_of_key(machine.clinic.id, key) is None, "half a job is visible"
    job_id = trial.upload(key=key)
    assert trial.job(job_id).counts.total == IMAGES
    trial.over()


@scenario(recomputes=False)
def silent_and_slow_clients(trial: Trial) -> None:
    """200 silent connections and 20 slow uploads hold on while a job is uploaded"""
    url = trial.machine.system.url
    with crowd.silent(url, 200), crowd.slow_uploads(url, TOKEN, 20):
        trial.in_the_middle()
        trial.over()
        wait_for(trial.complete, timeout_s=60)


@scenario(recomputes=False)
def sick_pictures(trial: Trial) -> None:
    """Pictures are asked for of files whose decoder aborts or hangs, while a job is uploaded"""
    url = f"{trial.machine.system.url}/api/v1"
    marks = [*DIES, *HANGS]
    jobs = [trial.upload(1, file=chest(1500) + mark) for mark in marks]
    wait_for(trial.complete, timeout_s=30)
    with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        pictures = [
            f"{url}/images/{client.get(f'{url}/jobs/{job}/images').json()['items'][0]['id']}"
            "/preview.png?max_side=2048"
            for job in jobs
        ]
        for picture in pictures[: len(DIES)]:
            assert client.get(picture, timeout=30).json()["code"] == "no_picture"
        for picture in pictures[len(DIES) :]:
            with contextlib.suppress(httpx.ReadTimeout):
                client.get(picture, timeout=1)
    trial.in_the_middle()
    trial.over()


@scenario()
def disk_full(trial: Trial) -> None:
    """Disk full while an upload is stored: 507, and nothing half"""
    machine, key = trial.machine, new_key()
    files = machine.home / "images"
    files.mkdir(exist_ok=True)
    enough = IMAGES * (len(chest()) + 8192)
    with _small_disk(files, enough // 2):
        answer = trial.send(key=key)
        assert answer is not None
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_unavailable")
        assert not any(files.iterdir()), "files of an upload that was refused"
        assert machine.store.job_of_key(machine.clinic.id, key) is None
        _mount("-o", f"remount,size={4 * enough}", str(files))
        trial.upload(key=key)
        trial.over()
        wait_for(trial.complete, timeout_s=30)


@contextlib.contextmanager
def _small_disk(folder: Path, size_bytes: int) -> Iterator[None]:
    """A file system of that size in the place of the folder."""
    if os.geteuid() != 0:
        raise Unavailable("only root can mount a small disk")
    _mount("-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    mounted = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if mounted.returncode:
        raise Unavailable(f"this machine does not let us mount: {mounted.stderr.strip()}")


def _folders(trial: Trial) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(trial.machine.home / "images")
    return []
