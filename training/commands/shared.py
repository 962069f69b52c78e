"""What the commands have in common."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

Folder = click.Path(file_okay=False, path_type=Path)
ARTIFACT = click.option(
    "--artifact",
    type=Folder,
    envvar="CXR_ARTIFACT",
    help="Folder of a model.  [default: CXR_ARTIFACT, or the released one]",
)


def shown(samples) -> Iterator:
    """The samples, with a progress bar on stderr when someone is watching."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(samples, "Classifying", console=console, disable=not sys.stderr.isatty())
