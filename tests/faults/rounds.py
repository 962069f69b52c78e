"""Many rounds of every fault on one machine, and what they add up to."""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from random import Random

from tests.faults.machine import Machine
from tests.faults.scenarios import SCENARIOS, Scenario, Unavailable
from tests.faults.trial import Outcome, Trial


@dataclass
class Tally:
    """All rounds of one scenario on one database."""

    scenario: Scenario
    database: str
    finished: list[Outcome] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unavailable: str = ""

    @property
    def failures(self) -> int:
        """Rounds that lost, repeated or left something, took too long or did not get to its end."""
        return len(self.errors) + sum(
            bool(o.lost or o.twice or o.stuck or o.recovery_s > self.scenario.within_s)
            for o in self.finished
        )

    def as_json(self) -> dict:
        return {
            "scenario": self.scenario.name,
            "title": self.scenario.title,
            "database": self.database,
            "within_s": self.scenario.within_s,
            "unavailable": self.unavailable,
            "errors": self.errors,
            "rounds": [asdict(finished_image) for finished_image in self.finished],
        }


def report_rounds(
    database: str, names: Sequence[str], rounds: int, seed: int, minutes: float
) -> list[dict]:
    """`run_rounds` to its end, with a line on stderr for each trial."""
    found = {}
    for tally in run_rounds(database, names, rounds, seed, minutes):
        found[tally.scenario.name] = tally
        last = tally.finished[-1] if tally.finished else tally.unavailable or tally.errors[-1:]
        print(f"{database} {tally.scenario.name}: {last}", file=sys.stderr, flush=True)
    return [found[name].as_json() | {"failures": found[name].failures} for name in sorted(found)]


def run_rounds(
    database: str, names: Sequence[str], rounds: int, seed: int, minutes: float
) -> Iterator[Tally]:
    """Every scenario `rounds` times, one after the other in each round, in an order by chance;
    after so many minutes no further round is begun.

    The first round has outages of the length that the scenario states, the others shorter ones.
    Yields a scenario's tally after each of its trials.
    """
    chance = Random(f"{seed} {database}")
    tallies = {
        name: Tally(SCENARIOS[name], database)
        for name in names
        if database in SCENARIOS[name].databases
    }
    until = time.monotonic() + 60 * minutes
    with contextlib.ExitStack() as running:
        machine = None
        for number in range(rounds):
            if time.monotonic() > until:
                return
            for name in chance.sample(list(tallies), len(tallies)):
                if machine is None:
                    machine = Machine(database)
                    running.callback(machine.close)
                if not _run(tallies[name], machine, chance, thorough=number == 0):
                    running.pop_all().close()
                    machine = None
                yield tallies[name]


def _run(tally: Tally, machine: Machine, chance: Random, thorough: bool) -> bool:
    """One trial. Returns: whether the machine is as before."""
    trial = Trial(machine, chance, thorough)
    try:
        tally.scenario.run(trial)
        finished_image = trial.finish(tally.scenario.within_s)
        machine.clock.set_ahead(0)
    except Unavailable as reason:
        tally.unavailable = str(reason)
        return True
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        tally.errors.append(f"{type(error).__name__}: {error}")
        _show(tally, machine, tally.errors[-1])
        return False
    failures = tally.failures
    tally.finished.append(finished_image)
    if tally.failures > failures:
        _show(tally, machine, str(finished_image))
        return False
    return True


def _show(tally: Tally, machine: Machine, what: str) -> None:
    print(f"\n{tally.scenario.name} on {tally.database}: {what}", file=sys.stderr)
    print(machine.logs(), file=sys.stderr)
