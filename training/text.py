"""Figures for the terminal."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

ROWS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity_COVID19": "COVID19 sensitivity",
    "specificity_COVID19": "COVID19 specificity",
    "auroc_COVID19": "COVID19 AUROC",
    "auroc_NORMAL": "NORMAL AUROC",
    "auroc_PNEUMONIA": "PNEUMONIA AUROC",
    "normal_called_covid19": "normals called COVID19",
    "ece": "calibration error",
    "brier": "Brier score",
}


def print_figures(figures: dict[str, Any]) -> None:
    """A column for all images and one for each source; 95 % intervals below the values."""
    table = Table(
        title=f"{figures['model']}, split {figures['split']}", box=box.SIMPLE, padding=(0, 0, 0, 1)
    )
    parts = {"all": figures, **figures["sources"]}
    table.add_column("")
    for source in parts:
        table.add_column(source, justify="right", no_wrap=True)
    table.add_row("images", *(str(part["n"]) for part in parts.values()))
    for name, heading in ROWS.items():
        table.add_row(heading, *(_cell(part["figures"][name]) for part in parts.values()))
    console = Console()
    console.print(table)
    console.print("95 % intervals over patients. Research and triage support, not a diagnosis.")
    refused = figures["refused"]
    if refused["n"]:
        console.print(f"Refused or unreadable, not counted above: {refused['n']}")
        for image in refused["images"]:
            console.print(f"  {image['path']}: {image['code']}", markup=False, highlight=False)


def _cell(figure: dict[str, float | None]) -> str:
    if figure["value"] is None:
        return "-"
    interval = f"{_short(figure['low'])}-{_short(figure['high'])}"
    return f"{_short(figure['value'])}\n[dim]{interval}[/dim]"


def _short(value: float) -> str:
    """Three decimals, without the leading zero of shares."""
    return f"{value:.3f}".removeprefix("0")
