"""The command `cxr evaluate`."""

import json
import os
from math import isnan
from pathlib import Path

import click

from training.commands.shared import ARTIFACT, Folder, shown
from training.errors import TrainingError, training_errors


@click.command()
@click.option(
    "--manifest",
    type=click.Path(exists=True, path_type=Path),
    envvar="CXR_DATA",
    required=True,
    help="CSV path,label[,split,patient,source,lung_mask], its paths relative to it; or a folder "
    "of classes. [default: CXR_DATA]",
)
@ARTIFACT
@click.option(
    "--engine",
    type=click.Choice(["litert", "keras"]),
    default="litert",
    show_default=True,
    help="int8 on the CPU, or Keras (needs TensorFlow).",
)
@click.option(
    "--split",
    default="test",
    show_default=True,
    help="Rows with this split; `all` for every row. Without the column every row is `test`.",
)
@click.option(
    "--prevalence",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of patients with the disease, for the predictive values.",
)
@click.option("--no-gate", is_flag=True, help="Also classify what is not a frontal chest X-ray.")
@click.option("--report", type=Folder, help="Also write report.html and report.json there.")
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON.")
def evaluate(
    manifest: Path,
    artifact: Path | None,
    engine: str,
    split: str,
    prevalence: float,
    no_gate: bool,
    report: Path | None,
    as_json: bool,
) -> None:
    """Measure a model on labelled X-rays, per source, with 95 % intervals over patients.

    Images of patients from whom the model learned, as far as the data tell, are left out. Those
    that cannot be read or are refused are counted and named. Where there are lung masks,
    also how much of the attention lies inside the lungs.
    """
    if isnan(prevalence):  # which click takes to be in any range
        raise click.UsageError("--prevalence must be a number from 0 to 1.")
    with training_errors():
        from model.artifact import load_artifact
        from model.engines import load_engine
        from training.data.manifest import read_to_measure
        from training.data.splits import of_split
        from training.measure import evaluate as evaluation
        from training.measure.known import classes_of, without_known
        from training.measure.text import print_figures

        model = load_artifact(artifact)
        samples = read_to_measure(manifest, classes_of(model))
        samples = samples if split == "all" else of_split(samples, split)
        samples, known = without_known(samples, manifest, model)
        if known:
            click.echo(
                f"Left out, because the model learned from their patients: {known}", err=True
            )
        if not samples:
            raise TrainingError(f"{manifest} has no images of the split {split!r}.")
        loaded = load_engine(model, "gpu" if engine == "keras" else "cpu", os.cpu_count() or 1)
        answers = evaluation.ask(loaded, model, shown(samples), gate=not no_gate)
        figures = {"model": model.version, "engine": engine, "split": split}
        figures |= evaluation.report(answers, prevalence)
        if report:
            from training.measure.report import write_report

            write_report(report, answers, figures)
        if as_json:
            click.echo(json.dumps(figures, indent=2))
        else:
            print_figures(figures)
