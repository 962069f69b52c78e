"""The command `cxr calibrate`."""

import json
import os
from pathlib import Path

import click

from training.commands.shared import ARTIFACT, Folder, shown
from training.errors import training_errors


@click.command()
@click.option(
    "--manifest",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="What was read in the hospital: CSV path,label[,patient], as `cxr reviews export` writes "
    "it; or a folder of classes.",
)
@click.option(
    "--site", required=True, help="A name for the hospital, which the model's version ends with."
)
@click.option(
    "--out", type=Folder, required=True, help="Folder for the calibrated model. Created if missing."
)
@ARTIFACT
@click.option("--no-gate", is_flag=True, help="Also take what is not a frontal chest X-ray.")
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON.")
def calibrate(
    manifest: Path, site: str, out: Path, artifact: Path | None, no_gate: bool, as_json: bool
) -> None:
    """Fit a model's probabilities to one hospital, by films that were read there.

    Thirty to a hundred patients are enough, read without the model's answer (a blind job) and taken
    as they come, not chosen: their labels are what the calibrated model expects to meet. The
    network and its maps stay as they are; one temperature and one shift for each label change how
    probable it calls what it sees, where it draws the line for triage, and what is uncertain: so
    much that no more than a tenth of the results are wrong and not marked.

    Every row of the manifest is used. Figures are of films that the calibration did not see (five
    folds of patients). Try the new model beside the old one with CXR_SHADOW_ARTIFACT, or use it
    with CXR_ARTIFACT.
    """
    with training_errors():
        from model.artifact import load_artifact
        from model.engines import load_engine
        from training.data.manifest import read_to_measure
        from training.measure import evaluate as evaluation
        from training.measure.known import classes_of
        from training.measure.text import print_comparison
        from training.release.site import (
            MIN_PATIENTS,
            check_target,
            patients_by_label,
            without_calibration,
            write,
        )
        from training.release.site import calibrate as fit

        model = load_artifact(artifact)
        check_target(model, site, out)
        base = without_calibration(model)
        samples = read_to_measure(manifest, classes_of(model))
        engine = load_engine(base, threads=os.cpu_count() or 1)
        answers = evaluation.ask(engine, base, shown(samples), gate=not no_gate)
        calibrated = fit(answers)
        made = write(model, answers, calibrated, site, out)
        figures = {
            "model": base.version,
            "calibrated": made.version,
            "calibration": made.metadata["calibration"],
            "before": calibrated.before,
            "after": calibrated.after,
            "marked": calibrated.marked,
        }
        if as_json:
            click.echo(json.dumps(figures, indent=2))
        else:
            print_comparison(figures)
            click.echo(f"The calibrated model is in {out}.")
        for label, patients in patients_by_label(answers).items():
            if patients < MIN_PATIENTS:
                click.echo(
                    f"{label} is the label of {patients} patients: the calibrated model takes it "
                    "for rare here. Where it is not, calibrate again with more of its films.",
                    err=True,
                )
