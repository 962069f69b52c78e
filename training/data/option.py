"""The option `--data` of every command that reads training data."""

from collections.abc import Callable
from pathlib import Path

import click


def _data(kind: click.Path, what: str) -> Callable:
    return click.option(
        "--data",
        type=kind,
        envvar="CXR_DATA",
        required=True,
        help=f"{what}.  [default: CXR_DATA]",
    )


DATA = _data(
    click.Path(path_type=Path),
    "A manifest CSV, a folder with a manifest.csv, or folders named like the classes",
)
# For what also reads the other files beside a manifest, such as boxes.csv.
DATA_FOLDER = _data(
    click.Path(exists=True, file_okay=False, path_type=Path), "A folder with a manifest.csv"
)
