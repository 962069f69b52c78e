"""Fuzz the decoders and the upload endpoint.

    python -m tests.faults.inputs.fuzz --minutes 10 [--seed 7]
    python -m tests.faults.inputs.fuzz --dicoms 100000 [--seed 7]

Half of the time goes to each; with `--dicoms`, so many mutated DICOM files go to the decoders, and
nothing else. What it finds is kept as files, which `test_fuzz.py` tries again with
every run of the tests. Exit code 1 when there was something.
"""

import itertools
import logging
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from tests.faults.inputs.fuzz_decode import Decoder, Finding
from tests.faults.inputs.fuzz_requests import uploads
from tests.faults.inputs.fuzz_seeds import dicom_seeds, image_seeds
from tests.faults.inputs.fuzz_upload import Server
from tests.faults.inputs.mutations import mutated

FOUND = Path(__file__).with_name("found")
EXAMPLES_PER_ROUND = 500


@click.command()
@click.option("--minutes", default=10.0, show_default=True, help="How long, in all.")
@click.option("--dicoms", type=click.IntRange(min=1), help="Only DICOM files, so many.")
@click.option("--seed", default=0, show_default=True, help="Other seeds try other files.")
@click.option("--found", default=FOUND, type=click.Path(path_type=Path), help="Where files go.")
def main(minutes: float, dicoms: int | None, seed: int, found: Path) -> None:
    """Fuzz the decoders and the upload endpoint."""
    logging.disable()
    if dicoms is not None:
        with Decoder() as decoder:
            findings, count = fuzz(
                mutated(dicom_seeds()), decoder.finding, math.inf, seed, max_count=dicoms
            )
        sys.exit(1 if report(findings, f"decoders: {count} DICOM files", found) else 0)
    seconds = minutes * 60 / 2
    with Decoder() as decoder:
        findings, count = fuzz(mutated(image_seeds()), decoder.finding, seconds, seed)
    bad = report(findings, f"decoders: {count} files", found)
    with Server() as server:
        findings, count = fuzz(uploads(), server.finding, seconds, seed)
    bad += report(findings, f"uploads: {count} requests", found)
    sys.exit(1 if bad else 0)


def report(findings: dict[str, Finding], summary: str, found: Path) -> int:
    """Keep and print what was found. Returns: how many."""
    for finding in findings.values():
        found.mkdir(exist_ok=True)
        (found / finding.filename).write_bytes(finding.content)
        click.echo(f"{finding.filename}: {finding.key}\n{finding.details}")
    click.echo(f"{summary}, {len(findings)} findings")
    return len(findings)


def fuzz(
    examples: SearchStrategy,
    target: Callable[[object], Finding | None],
    seconds: float,
    seed: int,
    max_count: float = math.inf,
) -> tuple[dict[str, Finding], int]:
    """Try examples for so long, and no more than so many.

    Returns: the shortest finding of each kind; how many were tried.
    """
    findings: dict[str, Finding] = {}
    count, end = 0, time.monotonic() + seconds

    def attempt(example: object) -> None:
        nonlocal count
        if time.monotonic() > end or count >= max_count:
            return
        count += 1
        finding = target(example)
        if finding is None:
            return
        known = findings.get(finding.key)
        if known is None:
            click.echo(f"example {count:,}: {finding.key}", err=True)
        if known is None or len(finding.content) < len(known.content):
            findings[finding.key] = finding

    for number in itertools.count():
        if time.monotonic() > end or count >= max_count:
            return findings, count
        run = settings(
            max_examples=EXAMPLES_PER_ROUND,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(examples)(lambda example: attempt(example)))
        hypothesis.seed(seed * 1_000_003 + number)(run)()
        click.echo(f"{count:,} tried, {len(findings)} findings", err=True)


if __name__ == "__main__":
    main()
