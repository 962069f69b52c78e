"""Figures as text: tables for the terminal, and the sentences that the report shows, too."""

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from model import DISCLAIMER

# Figures of one label: their names end with it.
OF_LABEL = ("auroc", "sensitivity", "specificity")
NAMES = {
    "auroc": "AUROC",
    "normal_called_covid19": "normals called COVID19",
    "ece": "calibration error",
    "brier": "Brier score",
}
MAX_COLUMNS = 500  # of a terminal


def print_figures(figures: dict[str, Any]) -> None:
    """A column for all images and one for each source; 95 % intervals below the values."""
    table = Table(
        title=escape(f"{figures['model']}, split {figures['split']}"),
        box=box.SIMPLE,
        padding=(0, 0, 0, 1),
    )
    parts = {"all": figures, **figures["sources"]}
    table.add_column("")
    for source in parts:
        table.add_column(escape(source), justify="right", no_wrap=True)
    table.add_row("images", *(str(part["n"]) for part in parts.values()))
    for name in shown(figures):
        table.add_row(
            escape(heading(name)), *(_cell(part["figures"][name]) for part in parts.values())
        )
    console = _console_for(table)
    console.print(table)
    console.print(f"95 % intervals over patients. {DISCLAIMER}")
    for sentence in sentences(figures):
        console.print(sentence, markup=False, highlight=False)
    _print_refused(console, figures["refused"])
    for image in figures["refused"]["images"]:
        console.print(f"  {image['path']}: {image['code']}", markup=False, highlight=False)


def print_comparison(figures: dict[str, Any]) -> None:
    """Before and after a calibration: `before` and `after` are figures of the same films."""
    before, after = figures["before"], figures["after"]
    table = Table(title=f"{before['n']} films of {before['patients']} patients", box=box.SIMPLE)
    table.add_column("")
    for version in (figures["model"], figures["calibrated"]):
        table.add_column(escape(version), justify="right", no_wrap=True)
    for name in shown(before):
        table.add_row(
            escape(heading(name)), *(_cell(part["figures"][name]) for part in (before, after))
        )
    console = _console_for(table)
    console.print(table)
    console.print(
        "Calibrated: each film by what the patients of other folds taught. 95 % intervals over "
        f"patients. {DISCLAIMER}"
    )
    shares = ", ".join(f"{name} {with_interval(one)}" for name, one in figures["marked"].items())
    console.print(f"Marked as uncertain or not: {shares}.", markup=False, highlight=False)
    _print_refused(console, before["refused"])


def _print_refused(console: Console, refused: dict[str, Any]) -> None:
    if refused["n"]:
        console.print(f"Refused or unreadable, not counted above: {refused['n']}")


def _console_for(table: Table) -> Console:
    """A table that is squeezed loses its words; a terminal can be made wider."""
    console = Console()
    wide = console.options.update(width=MAX_COLUMNS)
    console.width = max(console.width, console.measure(table, options=wide).maximum)
    return console


def shown(figures: dict[str, Any]) -> list[str]:
    """Names of the figures that tables show; of the first label, which the model is there to find,
    also how often it is called in vain."""
    labels = figures["labels"]
    names = (
        "accuracy",
        "balanced_accuracy",
        *(f"sensitivity_{label}" for label in labels),
        f"specificity_{labels[0]}",
        *(f"auroc_{label}" for label in labels),
        "normal_called_covid19",
        "ece",
        "brier",
    )
    return [name for name in names if name in figures["figures"]]


def heading(name: str) -> str:
    """What a figure of `training.measure.metrics.measures` is called for people."""
    kind, _, label = name.partition("_")
    if kind in OF_LABEL:
        return f"{label} {NAMES.get(kind, kind)}"
    return NAMES.get(name, name.replace("_", " "))


def sentences(figures: dict[str, Any]) -> Iterator[str]:
    """What does not fit a table of images and sources: predictive values, where it looked."""
    values = dict(figures["ppv"])
    prevalence = values.pop("prevalence")
    values_shown = ", ".join(
        f"{label} {_short(value)}" for label, value in values.items() if value is not None
    )
    if values_shown:
        yield (
            f"Positive predictive value where {prevalence:.0%} have the disease: {values_shown}."
        )
    lungs = figures["lung_attention"]
    if lungs:
        inside, area, difference = (
            f"{_short(figure['value'])} ({interval(figure) or 'no interval'})"
            for figure in lungs["figures"].values()
        )
        yield (
            f"Attention inside the lungs: {inside}; the lungs are {area} of the area; difference "
            f"{difference}. {lungs['n']} images with lung masks, {lungs['patients']} patients."
        )
        if lungs["masks_of_another_cut"]:
            yield f"Masks of another cut of the X-ray, left out: {lungs['masks_of_another_cut']}."


def interval(figure: dict[str, float | None]) -> str:
    """Such as `.912-.950`; empty when there is none."""
    if figure["low"] is None:
        return ""
    return f"{_short(figure['low'])}-{_short(figure['high'])}"


def with_interval(figure: dict[str, float | None]) -> str:
    """Such as `0.931 (0.912-0.950)`; a dash when the figure could not be had."""
    if figure["value"] is None:
        return "-"
    value = f"{figure['value']:.3f}"
    return value if figure["low"] is None else f"{value} ({figure['low']:.3f}-{figure['high']:.3f})"


def _cell(figure: dict[str, float | None]) -> str:
    if figure["value"] is None:
        return "-"
    return f"{_short(figure['value'])}\n[dim]{interval(figure)}[/dim]"


def _short(value: float) -> str:
    """Three decimals, without the leading zero of shares."""
    return f"{value:.3f}".replace("0.", ".", 1)
