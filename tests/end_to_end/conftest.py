"""The real command on a free port, in a temporary home."""

from collections.abc import Iterator

import httpx
import pytest

from web.local.temporary import RunningSystem, running_system


@pytest.fixture(scope="session")
def stack(tmp_path_factory) -> Iterator[RunningSystem]:
    """One running system, shared by the tests that do not stop it."""
    with running_system(tmp_path_factory.mktemp("stack") / "home") as system:
        yield system


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
