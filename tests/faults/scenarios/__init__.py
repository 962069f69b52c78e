"""Every way in which the system is broken. Importing this package registers them all."""

from tests.faults.scenarios import databases, machine, messages, uploads, web, workers
from tests.faults.scenarios.registry import SCENARIOS, Scenario, Unavailable

__all__ = ["SCENARIOS", "Scenario", "Unavailable", "databases", "machine", "messages"]
__all__ += ["uploads", "web", "workers"]
