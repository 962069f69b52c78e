"""Fit the gate, and measure it honestly.

    CXR_DATA=folder python -m training.gate --version 2.0.0  # fits model/gate/gate.npz: 10 minutes
    CXR_DATA=folder python -m training.gate --measure        # measures the released one only
    … --thorough    # also fits it again without each kind of other pictures in turn

Fitted on the manifest's `train` and three quarters of `not_frontal`, its threshold chosen on `val`,
measured on `test` and the last quarter; then, because that quarter holds few pictures, once more
for each other quarter. Kinds that were left out show what happens to kinds that nobody thought of.
"""

from pathlib import Path

import click
import numpy as np

from model.gate.frontal import MODEL_FILE, FrontalModel
from training.data.mistakes import BLOCKS, LAST
from training.data.option import DATA_FOLDER
from training.errors import training_errors
from training.gate.fitting import (
    PER_KIND,
    Measured,
    fit,
    gather,
    mean_chest,
    print_share,
    report,
    report_mistakes,
    with_mistakes,
    without,
)
from training.gate.mistakes import Mistakes, gather_mistakes
from training.gate.negatives import CHEST_KINDS, KINDS


@click.command()
@DATA_FOLDER
@click.option("--measure", is_flag=True, help="Measure the released gate only.")
@click.option("--thorough", is_flag=True, help="Also fit it without each kind.")
@click.option("--version", help="Of the new gate, such as 2.0.0: scores are signed with it.")
def main(data: Path, measure: bool, thorough: bool, version: str | None) -> None:
    """Fit the gate, and measure it honestly."""
    if not measure and not version:
        raise click.UsageError("A new gate needs a new --version.")
    with training_errors():
        if measure:
            _measure(data)
        else:
            _fit(data, version, thorough)


def _measure(data: Path) -> None:
    model = FrontalModel.load()
    report(model, gather(data, "test", model.template))
    _report_last_quarter(model, gather_mistakes(data, model.template))


def _fit(data: Path, version: str, thorough: bool) -> None:
    template = mean_chest(data)
    mistakes = gather_mistakes(data, template)
    train, val, test = (gather(data, name, template) for name in PER_KIND)
    known = with_mistakes(train, mistakes)
    fit(known, val, template, f"frontal-{version}").save(MODEL_FILE)
    model = FrontalModel.load()
    report(model, test)
    _report_last_quarter(model, mistakes)
    _report_quarters(train, val, template, mistakes)
    if thorough:
        _report_kinds(known, val, test, template)


def _report_last_quarter(model: FrontalModel, mistakes: Mistakes) -> None:
    report_mistakes("Medical pictures, the last quarter", model, mistakes, mistakes.blocks == LAST)


def _report_quarters(
    train: Measured, val: Measured, template: np.ndarray, mistakes: Mistakes
) -> None:
    """Each quarter as a gate refuses it that was fitted on the others."""
    for held_out in range(BLOCKS):
        model = fit(with_mistakes(train, mistakes, held_out), val, template)
        shown = mistakes.blocks == held_out
        report_mistakes(f"Quarter {held_out + 1}, fitted on the others", model, mistakes, shown)


def _report_kinds(train: Measured, val: Measured, test: Measured, template: np.ndarray) -> None:
    print("\nRefused of a kind when the gate was fitted without it")
    for kind in [*KINDS, *CHEST_KINDS]:
        model = fit(without(train, kind), val, template)
        print_share(kind, model.refuses(test.others[test.kinds == kind]))


if __name__ == "__main__":
    main()
