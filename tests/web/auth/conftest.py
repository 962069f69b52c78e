"""Somebody with an account."""

from collections.abc import Callable

import pytest

from tests.support.access import PASSWORD
from worker.access import Role
from worker.passwords import hashed


@pytest.fixture
def person(store) -> Callable[..., int]:
    """Makes somebody. Returns: their number."""

    def make(name: str, *roles: Role, clinic: str | None = "default", **sign_in: str) -> int:
        link = store.link(store.invite(clinic, roles or (Role.READER,)))
        sign_in = sign_in or {"password_hash": hashed(PASSWORD)}
        return store.accept_invitation(link.id, name, **sign_in).id

    return make
