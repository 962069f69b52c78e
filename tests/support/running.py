"""A running `cxr up` as its users and its keepers see it: the REST API and the logs."""

from pathlib import Path

import httpx

from web.local.temporary import RunningSystem


def api(system: RunningSystem) -> httpx.Client:
    """A client of its REST API, signed in."""
    return httpx.Client(
        base_url=f"{system.url}/api/v1",
        headers={"Authorization": f"Bearer {system.token}"},
        timeout=60,
    )


def logs(system: RunningSystem) -> str:
    """What its parts said so far."""
    return "\n".join(
        f"--- {file.name}\n{file.read_text()}" for file in (system.home / "logs").glob("*.log")
    )


def upload(system: RunningSystem, *files: Path) -> int:
    """Upload files as one job. Returns: its id."""
    answer = api(system).post("/jobs", files=[("files", (f.name, f.read_bytes())) for f in files])
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def complete(system: RunningSystem, job_id: int) -> dict | None:
    """The job once it is complete, else None."""
    job = api(system).get(f"/jobs/{job_id}").json()
    return job if job["status"] == "complete" else None
