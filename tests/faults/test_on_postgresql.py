"""Faults once, on PostgreSQL; see `tests.faults.once`."""

import pytest

from tests.faults.once import ON_POSTGRESQL


@pytest.mark.parametrize("name", ON_POSTGRESQL)
def test_nothing_is_lost_and_nothing_comes_twice(check, name):
    check(name, "postgresql")
