"""Fit the gate, and measure it honestly.

    CXR_DATA=folder python -m training.gate --version 1.1.0  # fits model/gate/gate.npz: 4 minutes
    CXR_DATA=folder python -m training.gate --measure        # measures the released one only

Fitted on the manifest's `train`, its threshold chosen on `val`, measured on `test`; then once more
without each kind of other pictures in turn, to see what happens to kinds that nobody thought of.
"""

import argparse
import os
from pathlib import Path

from model.gate.frontal import MODEL_FILE, FrontalModel
from training.gate.fitting import (
    PER_KIND,
    fit,
    gather,
    mean_chest,
    print_share,
    report,
    without,
)
from training.gate.negatives import CHEST_KINDS, KINDS

SUMMARY = "Fit the gate, and measure it honestly."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.gate", description=SUMMARY)
    parser.add_argument("--measure", action="store_true", help="measure the released gate only")
    parser.add_argument(
        "--version", help="of the new gate, such as 1.1.0: scores are signed with it"
    )
    arguments = parser.parse_args()
    if not arguments.measure and not arguments.version:
        parser.error("a new gate needs a new --version")
    folder = Path(os.environ["CXR_DATA"])
    if arguments.measure:
        model = FrontalModel.load()
        report(model, gather(folder, "test", model.template))
        return
    template = mean_chest(folder)
    splits = {name: gather(folder, name, template) for name in PER_KIND}
    version = f"frontal-{arguments.version}"
    fit(splits["train"], splits["val"], template, version).save(MODEL_FILE)
    report(FrontalModel.load(), splits["test"])
    print("\nRefused of a kind when the gate was fitted without it")
    for kind in [*KINDS, *CHEST_KINDS]:
        model = fit(without(splits["train"], kind), splits["val"], template)
        test = splits["test"]
        print_share(kind, model.refuses(test.others[test.kinds == kind]))


if __name__ == "__main__":
    main()
