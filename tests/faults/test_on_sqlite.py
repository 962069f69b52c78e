"""Every fault once, on SQLite: `python -m tests.faults` runs them many times."""

import pytest

from tests.faults.scenarios import SCENARIOS


@pytest.mark.parametrize(
    "name", [name for name, scenario in SCENARIOS.items() if "sqlite" in scenario.databases]
)
def test_nothing_is_lost_and_nothing_comes_twice(check, name):
    check(name, "sqlite")
