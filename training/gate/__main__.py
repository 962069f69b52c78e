"""Fit the gate, and measure it honestly.

    CXR_DATA=folder python -m training.gate --version 2.0.0  # fits model/gate/gate.npz: 10 minutes
    CXR_DATA=folder python -m training.gate --measure        # measures the released one only
    … --thorough    # also fits it again without each kind of other pictures in turn

Fitted on the manifest's `train` and three quarters of `not_frontal`, its threshold chosen on `val`,
measured on `test` and the last quarter; then, because that quarter holds few pictures, once more
for each other quarter. Kinds that were left out show what happens to kinds that nobody thought of.
"""

import argparse
import os
from pathlib import Path

import numpy as np

from model.gate.frontal import MODEL_FILE, FrontalModel
from training.data.mistakes import BLOCKS, LAST
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

SUMMARY = "Fit the gate, and measure it honestly."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.gate", description=SUMMARY)
    parser.add_argument("--measure", action="store_true", help="measure the released gate only")
    parser.add_argument("--thorough", action="store_true", help="also fit it without each kind")
    parser.add_argument(
        "--version", help="of the new gate, such as 2.0.0: scores are signed with it"
    )
    arguments = parser.parse_args()
    if not arguments.measure and not arguments.version:
        parser.error("a new gate needs a new --version")
    folder = Path(os.environ["CXR_DATA"])
    if arguments.measure:
        model = FrontalModel.load()
        report(model, gather(folder, "test", model.template))
        mistakes = gather_mistakes(folder, model.template)
        report_mistakes(
            "Medical pictures, the last quarter", model, mistakes, mistakes.blocks == LAST
        )
        return
    template = mean_chest(folder)
    mistakes = gather_mistakes(folder, template)
    splits = {name: gather(folder, name, template) for name in PER_KIND}
    train, val, test = splits["train"], splits["val"], splits["test"]
    version = f"frontal-{arguments.version}"
    fit(with_mistakes(train, mistakes), val, template, version).save(MODEL_FILE)
    model = FrontalModel.load()
    report(model, test)
    report_mistakes("Medical pictures, the last quarter", model, mistakes, mistakes.blocks == LAST)
    _report_quarters(train, val, template, mistakes)
    if arguments.thorough:
        _report_kinds(with_mistakes(train, mistakes), val, test, template)


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
