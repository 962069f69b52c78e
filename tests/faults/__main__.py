"""`python -m tests.faults`: every fault many times, with a table of what was lost and how long
it took to recover. Two databases side by side; twenty rounds take about an hour on two cores.
"""

import json
import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from tests.faults.rounds import report_rounds
from tests.faults.scenarios import SCENARIOS
from tests.faults.services import DATABASES

HEAD = (
    "| fault | database | rounds | images | lost | twice | stuck | done again | recovery s, "
    "median / worst (bound) |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--database", "databases", type=click.Choice(list(DATABASES)), multiple=True)
@click.option("--only", "names", type=click.Choice(list(SCENARIOS)), multiple=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--minutes", type=float, default=600, help="Begin no round after so many.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write every round here.")
def main(
    rounds: int,
    databases: Sequence[str],
    names: Sequence[str],
    seed: int,
    minutes: float,
    file: Path | None,
) -> None:
    """Break a real system in every way, again and again, and count."""
    chosen = databases or list(DATABASES)
    work = [(database, names or list(SCENARIOS), rounds, seed, minutes) for database in chosen]
    # A process each: both machines wait most of the time.
    with multiprocessing.get_context("spawn").Pool(len(work)) as pool:
        tallies = [tally for found in pool.starmap(report_rounds, work) for tally in found]
    print(HEAD)
    for tally in tallies:
        print(_line(tally))
    if file:
        file.write_text(json.dumps(tallies, indent=1))
    sys.exit(1 if any(tally["failures"] for tally in tallies) else 0)


def _line(tally: dict) -> str:
    rounds = tally["rounds"]
    if not rounds:
        why = tally["unavailable"] or "; ".join(tally["errors"])[:200]
        return f"| {tally['title']} | {tally['database']} | 0 | {why} | | | | | |"
    sums = [
        sum(one[name] for one in rounds)
        for name in ("submitted", "lost", "twice", "stuck", "recomputed")
    ]
    times = sorted(one["recovery_s"] for one in rounds)
    shown = f"{times[len(times) // 2]:.1f} / {times[-1]:.1f} ({tally['within_s']:.0f})"
    cells = [tally["title"], tally["database"], len(rounds), *(f"{n:,}" for n in sums), shown]
    note = f" {len(tally['errors'])} rounds did not end" if tally["errors"] else ""
    return "| " + " | ".join(map(str, cells)) + " |" + note


if __name__ == "__main__":
    main()
