"""Several runs in one table: what each network is worth on the same data.

python -m training.measure.compare RUN...      # output folders of `cxr train`; prints Markdown
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import click

from training.errors import TrainingError
from training.measure.text import heading, with_interval

OVERALL = ("accuracy", "balanced_accuracy", "ece")


def table(runs: Sequence[Path]) -> str:
    """Markdown: a column for each run, 95 % intervals in brackets.

    Raises TrainingError when a run has no report or the runs were measured on different images.
    """
    reports = [_report(run) for run in runs]
    measured = {(one["n"], *one["labels"], *one["sources"]) for one in reports}
    if len(measured) > 1:
        raise TrainingError(f"The runs were not measured on the same images: {measured}.")
    rows = [
        ["`test`", *(one["model"] for one in reports)],
        ["---"] * (len(runs) + 1),
        ["epochs", *(str(_epochs(run)) for run in runs)],
        *(
            [heading(name), *(with_interval(one["figures"][name]) for one in reports)]
            for name in OVERALL
        ),
    ]
    # Inside one source the hospital does not give the label away.
    inside = [f"auroc_{label}" for label in reports[0]["labels"]]
    for source, part in reports[0]["sources"].items():
        rows += [
            [
                f"{heading(name)} inside `{source}`",
                *(with_interval(one["sources"][source]["figures"][name]) for one in reports),
            ]
            for name in inside
            if part["figures"][name]["value"] is not None
        ]
    if all(one["lung_attention"] for one in reports):
        rows += [
            [
                f"{name.replace('_', ' ')}, share",
                *(with_interval(one["lung_attention"]["figures"][name]) for one in reports),
            ]
            for name in reports[0]["lung_attention"]["figures"]
        ]
    rows.append(
        ["int8 and float32 agree", *(f"{one['int8']['label_agreement']:.1%}" for one in reports)]
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _report(run: Path) -> dict:
    try:
        report = json.loads((run / "report.json").read_text())
    except OSError as error:
        raise TrainingError(f"There is no report in {run}: {error.strerror}.") from error
    if "int8" not in report:
        raise TrainingError(f"{run} is not an output folder of `cxr train`.")
    return report


def _epochs(run: Path) -> int:
    with (run / "history.csv").open(newline="") as opened:
        return sum(1 for _ in csv.DictReader(opened))


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
def main(runs: Sequence[Path]) -> None:
    """Print a table of several runs."""
    try:
        print(table(runs))
    except TrainingError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
