"""Artifacts are put in place whole: workers may be reading the folder."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.artifact import METADATA, TRAINING_FILMS


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """An empty folder for the files of an artifact, which are moved to `out` at the end.

    What `out` holds before stays when an error ends the block. A file that a worker has open stays
    as it was when it was opened.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".artifact-", dir=out.parent) as unfinished:
        yield Path(unfinished)
        _move(Path(unfinished), out)


def _move(made: Path, out: Path) -> None:
    # The metadata last: a folder without it is not a model yet.
    out.mkdir(exist_ok=True)
    for name in (METADATA, TRAINING_FILMS):
        (out / name).unlink(missing_ok=True)
    for file in sorted(made.iterdir(), key=lambda file: file.name == METADATA):
        file.replace(out / file.name)
