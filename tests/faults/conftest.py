"""One broken machine after another: a machine serves many trials, and is replaced by a new one
after a trial that failed."""

import zlib
from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.faults.machine import Machine
from tests.faults.scenarios import SCENARIOS, Unavailable
from tests.faults.trial import Trial

SEED = 20261123


@pytest.fixture(scope="module")
def machines() -> Iterator[dict[str, Machine]]:
    """Machines by database, as far as they were needed."""
    running: dict[str, Machine] = {}
    yield running
    for machine in running.values():
        machine.close()


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine of the test's own, on SQLite."""
    machine = Machine("sqlite")
    yield machine
    machine.close()


@pytest.fixture
def check(machines) -> Callable[[str, str], None]:
    """Runs a scenario on a database, and asserts that nothing was lost, twice or stuck.

    How long the recovery takes is measured by `make faults`: here other tests use the machine.
    """

    def run(name: str, database: str) -> None:
        scenario = SCENARIOS[name]
        machine = machines.pop(database, None) or Machine(database)
        try:
            trial = Trial(machine, Random(SEED + zlib.crc32(name.encode())))
            try:
                scenario.run(trial)
            except Unavailable as reason:
                machines[database] = machine
                pytest.skip(str(reason))
            outcome = trial.finish(scenario.within_s)
            machine.clock.set_ahead(0)
            assert outcome.submitted >= 200
            assert outcome.results == outcome.submitted, f"{outcome}\n{machine.logs()}"
            assert (outcome.lost, outcome.twice, outcome.stuck) == (0, 0, 0), outcome
            assert scenario.recomputes or outcome.recomputed == 0, outcome
        except BaseException:
            machine.close()
            raise
        machines[database] = machine

    return run
