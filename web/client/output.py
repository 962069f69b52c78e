"""Files that the client's commands write: whole, or as they were before."""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import click

STANDARD_OUTPUT = Path("-")


def write_whole(chunks: Iterable[bytes], output: Path) -> None:
    """Write a file, or into what is none: `-`, a pipe, a device.

    A broken connection, a full disk or Ctrl-C leaves no half file that looks whole.
    Raises click.ClickException.
    """
    if output == STANDARD_OUTPUT:
        sys.stdout.buffer.writelines(chunks)
        sys.stdout.buffer.flush()
        return
    try:
        if output.exists() and not output.is_file():
            with output.open("wb") as opened:
                opened.writelines(chunks)
            return
        _replace(output.resolve(), chunks)  # what a link leads to, not the link
    except OSError as error:
        raise cannot_write(output, error) from error


def cannot_write(output: Path, error: OSError) -> click.ClickException:
    return click.ClickException(f"{output} cannot be written ({error.strerror}).")


def _replace(output: Path, chunks: Iterable[bytes]) -> None:
    part = output.with_name(f".{output.name[:100]}.{os.getpid()}.part")
    try:
        with part.open("wb") as opened:
            opened.writelines(chunks)
        if output.exists():
            shutil.copymode(output, part)
        os.replace(part, output)
    finally:
        part.unlink(missing_ok=True)
