"""A running `cxr up` as its users and its keepers see it: the REST API and the logs."""

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
