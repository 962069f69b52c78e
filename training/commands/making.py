"""The commands `cxr train` and `cxr export`: they make a model, and measure it."""

import contextlib
import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Any

import click

from training.commands.shared import Folder
from training.data.option import DATA
from training.errors import TrainingError, training_errors

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
@click.option(
    "--resume",
    is_flag=True,
    help="Continue where an interrupted run stopped, with the same recipe and images.",
)
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
        from training.fitting.network import trained_network

        chosen = _recipe(recipe, all_data)
        samples = read_data(data, chosen.classes, chosen.data)
        chosen, samples = _without(leave_out, chosen, samples)
        network = trained_network(run, chosen)
        _finish(network, chosen, samples, run, out or run / "artifact")


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
