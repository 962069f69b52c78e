"""Faults once, on SQLite; see `tests.faults.once`."""

import pytest

from tests.faults.once import BOTH, ON_POSTGRESQL
from tests.faults.scenarios import SCENARIOS

NAMES = [
    name
    for name, scenario in SCENARIOS.items()
    if "sqlite" in scenario.databases and (name in BOTH or name not in ON_POSTGRESQL)
]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost_and_nothing_comes_twice(check, name):
    check(name, "sqlite")
