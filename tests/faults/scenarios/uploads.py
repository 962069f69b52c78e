"""Uploads that break off, come twice, or are accepted without anybody hearing of it."""

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
from sqlalchemy import func, select

from tests.faults.machine import TOKEN
from tests.faults.scenarios.registry import scenario
from tests.faults.trial import ANSWER_S, IMAGES, Trial, chest, new_key
from tests.support.cutting import CuttingProxy
from tests.support.waiting import wait_for
from worker.records.images import ImageStatus
from worker.store.schema import Image, Job
from worker.supervise.parts import CXR


@scenario()
def upload_broken_off(trial: Trial) -> None:
    """An upload breaks off after half of its images were classified: nothing of it stays"""
    machine, key = trial.machine, new_key()
    # What a web server left that was killed before the first row of an upload stays for a day.
    before = _unknown_uploads(trial)
    with half_an_upload(machine.system.url, key) as sent:
        wait_for(lambda: _done_on_the_way(trial) >= sent // 2, timeout_s=60)
        assert machine.store.job_of_key(machine.clinic.id, key) is None, "half a job is visible"
    wait_for(lambda: _on_the_way(trial) == 0, timeout_s=30)
    # The folder goes after the last row, and the job after its folder.
    wait_for(lambda: not _unknown_uploads(trial) - before, timeout_s=10)
    job_id = trial.upload(key=key)
    assert trial.job(job_id).counts.total == IMAGES
    trial.over()


def _unknown_uploads(trial: Trial) -> set[str]:
    """Folders of uploads that no job has."""
    names = {folder.name for folder in (trial.machine.home / "images").glob("*")}
    return names - trial.machine.store.known_uploads(names)


@scenario(recomputes=False)
def one_key_twice_at_once(trial: Trial) -> None:
    """Two uploads with one key at once become one job"""
    key, jobs = new_key(), []
    uploads = [
        threading.Thread(target=lambda: jobs.append(trial.upload(key=key))) for _ in range(2)
    ]
    for upload in uploads:
        upload.start()
    for upload in uploads:
        upload.join()
    assert len(jobs) == 2
    assert len(set(jobs)) == 1, "two jobs with one key"
    wait_for(lambda: _on_the_way(trial) == 0, timeout_s=30)
    assert trial.job(jobs[0]).counts.total == IMAGES
    trial.over()


@scenario(only="postgresql")
def connection_lost_at_the_commit(trial: Trial) -> None:
    """The connection to PostgreSQL is cut when it has accepted an upload; the client tries again"""
    machine, key = trial.machine, new_key()
    proxy = CuttingProxy(machine.database.url)
    proxy.cut_at_commit(stays_away=True)
    with contextlib.closing(proxy), _web_server(trial, proxy.url) as url:
        answer = httpx.post(
            f"{url}/api/v1/jobs",
            headers={"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key},
            files=[("files", ("chest.jpg", chest())) for _ in range(IMAGES)],
            timeout=ANSWER_S,
        )
        assert proxy.was_cut.is_set()
        assert answer.status_code == 503, answer.text
        accepted = machine.store.job_of_key(machine.clinic.id, key)
        assert accepted is not None, "PostgreSQL had not committed"
    assert trial.upload(key=key) == accepted.id
    trial.over()


@contextlib.contextmanager
def half_an_upload(url: str, key: str) -> Iterator[int]:
    """A client that has sent half of its files and goes on waiting. Gives how many it sent."""
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="chest.jpg"\r\n\r\n'
    part = head + chest() + b"\r\n"
    address = urlsplit(url)
    request = (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nIdempotency-Key: {key}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {IMAGES * len(part) + len('--b--')}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(request.encode() + IMAGES // 2 * part)
        yield IMAGES // 2


@contextlib.contextmanager
def _web_server(trial: Trial, database_url: str) -> Iterator[str]:
    """A second web server of the machine, with a database address of its own. Gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    own = {"DATABASE_URL": database_url, "CXR_PORT": str(port), "CXR_SECRET_KEY": "of-the-test"}
    process = subprocess.Popen(
        [*CXR, "web"],
        env=os.environ | trial.machine.environment | own,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/healthz", timeout=2).is_success
        return False

    try:
        wait_for(answers)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _on_the_way(trial: Trial) -> int:
    """Uploads that are not accepted, and what was deleted and not removed."""
    with trial.machine.store.database.reading() as session:
        unaccepted = Job.accepted_at.is_(None) | Job.deleted_at.is_not(None)
        return session.scalar(select(func.count()).select_from(Job).where(unaccepted))


def _done_on_the_way(trial: Trial) -> int:
    """Images with their result in uploads that are not accepted."""
    with trial.machine.store.database.reading() as session:
        return session.scalar(
            select(func.count())
            .select_from(Image)
            .join(Job, Job.id == Image.job_id)
            .where(Job.accepted_at.is_(None), Image.status == ImageStatus.DONE)
        )
