"""Every fault once, on PostgreSQL: `python -m tests.faults` runs them many times."""

import pytest

from tests.faults.scenarios import SCENARIOS


@pytest.mark.parametrize(
    "name", [name for name, scenario in SCENARIOS.items() if "postgresql" in scenario.databases]
)
def test_nothing_is_lost_and_nothing_comes_twice(check, name):
    check(name, "postgresql")
