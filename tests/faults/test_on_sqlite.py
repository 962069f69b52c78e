"""Faults once, on SQLite; see `tests.faults.once`."""

from pathlib import Path

import pytest

from tests.faults.once import ON_POSTGRESQL, ON_SQLITE, REPEATS
from tests.faults.scenarios import SCENARIOS


@pytest.mark.parametrize("name", ON_SQLITE)
def test_nothing_is_lost_and_nothing_comes_twice(check, name):
    check(name, "sqlite")


def test_every_fault_is_tried_or_repeats_one_that_is():
    tried = {*ON_SQLITE, *ON_POSTGRESQL}
    assert tried | set(REPEATS) == set(SCENARIOS)
    assert not tried & set(REPEATS)
    assert [one for one in REPEATS.values() if one not in tried and not Path(one).is_file()] == []
