"""One real system with small limits, shared by the tests that try to hurt it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.faults.inputs.hostile_archives import SMALL_LIMITS
from tests.support.running import api
from tests.support.waiting import wait_for
from web.local.temporary import RunningSystem, throwaway_system


@pytest.fixture(scope="module")
def system() -> Iterator[RunningSystem]:
    with throwaway_system("--workers", "1", **SMALL_LIMITS) as system:
        yield system


@pytest.fixture(scope="module")
def client(system) -> Iterator[httpx.Client]:
    with api(system) as client:
        yield client


@pytest.fixture(scope="module")
def results(client):
    """Uploads [(filename, content)] as one job, waits for it, and gives its images in order."""

    def send(files: list[tuple[str, bytes]]) -> list[dict]:
        answer = client.post("/jobs", files=[("files", file) for file in files])
        assert answer.status_code == 202, answer.text
        job = answer.json()["id"]
        wait_for(lambda: client.get(f"/jobs/{job}").json()["status"] == "complete", timeout_s=60)
        return client.get(f"/jobs/{job}/images", params={"limit": 500}).json()["items"]

    return send
