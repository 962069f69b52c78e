"""The real command on a free port, in a temporary home."""

from collections.abc import Iterator

import pytest

from web.local.temporary import RunningSystem, running_system


@pytest.fixture(scope="session")
def stack(tmp_path_factory) -> Iterator[RunningSystem]:
    """One running system, shared by the tests that do not stop it."""
    with running_system(tmp_path_factory.mktemp("stack") / "home") as system:
        yield system
