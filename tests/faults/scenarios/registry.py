"""The list of scenarios: what is broken, on which databases, and how soon all must be well."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.machine import LEASE_S
from tests.faults.services import DATABASES
from tests.faults.trial import Trial

WORKER_DIED_S = LEASE_S + 10
REDIS_BACK_S = 15


class Unavailable(Exception):
    """Raised when this machine cannot break in that way; says what is missing."""


@dataclass(frozen=True)
class Scenario:
    """`run` uploads, breaks something and ends the fault. `within_s`: to recover afterwards."""

    name: str
    title: str
    run: Callable[[Trial], None]
    within_s: float
    recomputes: bool
    databases: frozenset[str]


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    within_s: float = WORKER_DIED_S, recomputes: bool = True, only: str | None = None
) -> Callable:
    """Register a function; its docstring is the title. `recomputes`: images may be done again."""

    def register(run: Callable[[Trial], None]) -> Callable[[Trial], None]:
        SCENARIOS[run.__name__] = Scenario(
            name=run.__name__,
            title=run.__doc__.strip(),
            run=run,
            within_s=within_s,
            recomputes=recomputes,
            databases=frozenset([only] if only else DATABASES),
        )
        return run

    return register
