"""The commands `cxr train`, `cxr evaluate`, `cxr calibrate`, `cxr export`."""

import contextlib
import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import Any

import click

from training.data.option import DATA
from training.errors import TrainingError, training_errors

Folder = click.Path(file_okay=False, path_type=Path)
RECIPE = click.option(
    "--recipe", default="released", show_default=True, help="A recipe's name, or a TOML file."
)
ALL_DATA = click.option(
    "--all-data",
    is_flag=True,
    help="Take all of the data, also with a recipe that chooses a part of them. The model's name "
    "then ends with _all_data.",
)

LEAVE_OUT = click.option(
    "--leave-out",
    metavar="SOURCE",
    multiple=True,
    help="Learn nothing from this source, and measure on all of it: how the recipe does in a "
    "hospital that it has never seen. Can be given several times.",
)


@click.command()
@RECIPE
@DATA
@ALL_DATA
@click.option("--out", type=Folder, default="run", show_default=True, help="Folder for everything.")
@click.option(
    "--cache",
    type=Folder,
    help="Folder for features, about 0.5 GB per copy of the data.  "
    "[default: ~/.cache/cxr-batch, or below XDG_CACHE_HOME]",
)
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Maximum number of epochs. Default: the recipe's."
)
@LEAVE_OUT
@click.option("--resume", is_flag=True, help="Continue where an interrupted run stopped.")
def train(
    recipe: str,
    data: Path,
    all_data: bool,
    out: Path,
    cache: Path | None,
    epochs: int | None,
    leave_out: tuple[str, ...],
    resume: bool,
) -> None:
    """Train a model, export it and measure it on the split `test`.

    Writes OUT/artifact (what --artifact and CXR_ARTIFACT take), OUT/best.keras and OUT/last.keras
    (whole networks, before calibration and rounding), OUT/report.html, OUT/report.json and
    OUT/history.csv.
    """
    with training_errors():
        from training.data.manifest import read_data, read_unsure
        from training.data.splits import of_split
        from training.fitting.fit import train as fit

        began = time.monotonic()
        chosen = _recipe(recipe, all_data)
        if epochs:
            chosen = dataclasses.replace(chosen, epochs=epochs)
        samples = read_data(data, chosen.classes, chosen.data)
        unsure = read_unsure(data) if chosen.unsure else []
        chosen, samples = _without(leave_out, chosen, samples)
        unsure = [sample for sample in unsure if sample.source not in leave_out]
        if not of_split(samples, "test"):  # better known now than after an hour
            raise TrainingError(
                f"{data} has no image of the split test, on which the model would be measured. "
                "Put some into it."
            )
        network = fit(chosen, samples, out, cache or default_cache(), resume, unsure)
        _finish(network, chosen, samples, out, out / "artifact", began)


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@RECIPE
@DATA
@ALL_DATA
@click.option("--out", type=Folder, help="The artifact's folder.  [default: RUN/artifact]")
@LEAVE_OUT
def export(
    run: Path,
    recipe: str,
    data: Path,
    all_data: bool,
    out: Path | None,
    leave_out: tuple[str, ...],
) -> None:
    """Make the artifact of a training run again: calibrate, round to int8, measure."""
    with training_errors():
        from training.data.manifest import read_data
        from training.fitting.fit import trained_network

        chosen = _recipe(recipe, all_data)
        samples = read_data(data, chosen.classes, chosen.data)
        chosen, samples = _without(leave_out, chosen, samples)
        network = trained_network(run, chosen)
        _finish(network, chosen, samples, run, out or run / "artifact")


@click.command()
@click.option(
    "--manifest",
    type=click.Path(exists=True, path_type=Path),
    envvar="CXR_DATA",
    required=True,
    help="CSV path,label[,split,patient,source,lung_mask], its paths relative to it; or a folder "
    "of classes. [default: CXR_DATA]",
)
@click.option(
    "--artifact",
    type=Folder,
    envvar="CXR_ARTIFACT",
    help="Folder of a model.  [default: CXR_ARTIFACT, or the released one]",
)
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
        answers = evaluation.ask(loaded, model, _shown(samples), gate=not no_gate)
        figures = {"model": model.version, "engine": engine, "split": split}
        figures |= evaluation.report(answers, prevalence)
        if report:
            from training.measure.report import write_report

            write_report(report, answers, figures)
        if as_json:
            click.echo(json.dumps(figures, indent=2))
        else:
            print_figures(figures)


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
@click.option(
    "--artifact",
    type=Folder,
    envvar="CXR_ARTIFACT",
    help="Folder of a model.  [default: CXR_ARTIFACT, or the released one]",
)
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
        answers = evaluation.ask(engine, base, _shown(samples), gate=not no_gate)
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


def _recipe(name: str, all_data: bool):
    from training.fitting.recipe import load_recipe, on_all_data

    recipe = load_recipe(name)
    return on_all_data(recipe) if all_data else recipe


def default_cache() -> Path:
    """Where features are kept: $XDG_CACHE_HOME/cxr-batch, or ~/.cache/cxr-batch."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cxr-batch"


def _without(sources: tuple[str, ...], recipe, samples):
    """The recipe, named by what it lacks, and the samples, all of those sources in `test`."""
    from training.data.splits import leave_out

    for source in sources:
        recipe = dataclasses.replace(recipe, name=f"{recipe.name}_without_{source}")
        samples = leave_out(samples, source)
    return recipe, samples


def _finish(network, recipe, samples, run: Path, out: Path, began: float | None = None) -> None:
    """Export, measure, report: what follows every training.

    began: when it began, by the monotonic clock, for the report. None: it is an earlier run that is
        exported again, and what the report says about its time stays.
    """
    from model.artifact import load_artifact
    from training.fitting.statistics import with_statistics
    from training.measure.report import write_report
    from training.measure.text import print_figures
    from training.release.export import export as write_artifact
    from training.release.export import measure

    recipe = with_statistics(recipe, run)
    click.echo("Calibrating, rounding to int8 and measuring (some minutes).", err=True)
    write_artifact(network, recipe, samples, out)
    answers = measure(out, samples, network)
    artifact = load_artifact(out)
    figures = {"model": artifact.version, "split": "test", **artifact.metadata["metrics"]}
    figures["int8"] = artifact.metadata["int8"]
    if began is None:
        figures |= _earlier_time(run)
    else:
        figures["run"] = {
            "seconds": round(time.monotonic() - began),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[2], 1),  # of the last 15 minutes
        }
    write_report(run, answers, figures, run / "history.csv")
    print_figures(figures)
    click.echo(f"The model is in {out}, the report in {run / 'report.html'}.")


def _earlier_time(run: Path) -> dict[str, Any]:
    """What the report of that run, if it has one, says about its time."""
    with contextlib.suppress(FileNotFoundError):
        report = json.loads((run / "report.json").read_text())
        return {name: said for name, said in report.items() if name == "run"}
    return {}


def _shown(samples) -> Iterator:
    """The samples, with a progress bar on stderr when someone is watching."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(samples, "Classifying", console=console, disable=not sys.stderr.isatty())
