"""A running `cxr up` as its users and its keepers see it: the REST API and the logs."""

from pathlib import Path

import httpx

from web.local.temporary import RunningSystem
from worker.files.sealing import is_sealed


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


def answers(system, job_id: int) -> dict:
    """What a clinic can see of a job of two chests and a leg, by address."""
    with api(system) as client:
        images = client.get(f"/jobs/{job_id}/images").json()["items"]
        paths = [f"/jobs/{job_id}", f"/jobs/{job_id}/results.json"]
        for image in images:
            paths += [f"/images/{image['id']}", f"/images/{image['id']}/attention.json"]
            paths.append(f"/images/{image['id']}/preview.png")
        found = {path: client.get(path) for path in paths}
    # The leg has a picture, and no map.
    assert sorted(answer.status_code for answer in found.values()) == [200] * 10 + [404]
    return {path: (answer.status_code, answer.content) for path, answer in found.items()}


def stored(home: Path) -> list[Path]:
    """X-rays and pictures on the disk."""
    paths = [path for name in ("images", "pictures") for path in (home / name).rglob("*")]
    assert len(paths) > 3
    return [path for path in paths if path.is_file()]


def readable(home: Path) -> list[Path]:
    """Those that are not encrypted."""
    return [file for file in stored(home) if not is_sealed(file.read_bytes())]
