"""The article's networks, measured for docs/article.md.

    CXR_DATA=folder python -m training.measure.article RUN... --out docs/article.md

Each RUN is an output folder of `cxr train` with a recipe `article…`.
"""

from collections.abc import Sequence
from pathlib import Path

import click

from training.data.option import DATA_FOLDER
from training.errors import training_errors
from training.measure.article.page import measured, page
from training.measure.article.table import measure


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@DATA_FOLDER
@click.option(
    "--out",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The page whose measured part is replaced.  [default: printed]",
)
def main(runs: Sequence[Path], data: Path, out: Path | None) -> None:
    """Measure runs of the article's recipes."""
    with training_errors():
        found = measure(runs, data)
        if out:
            out.write_text(page(out.read_text(), found))
        else:
            click.echo(measured(found))


if __name__ == "__main__":
    main()
