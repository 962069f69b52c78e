"""What can be wrong with the data or the settings of a run, and how the commands say it."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from model.errors import ModelError

EXTRA = "This needs the training extra. Run: pip install 'cxr-batch[train]'."


class TrainingError(Exception):
    """Root of this package's errors."""


class InvalidManifest(TrainingError):
    """Raised when a manifest or data folder cannot be used; says which row and why."""


class PatientLeak(TrainingError):
    """Raised when a patient's images are in more than one split."""


@contextmanager
def training_errors() -> Iterator[None]:
    """One sentence and exit code 1 for what the user can put right."""
    try:
        yield
    except (TrainingError, ModelError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        if not error.filename:  # a broken pipe, say: no file of the user's
            raise
        raise click.ClickException(f"{error.filename}: {error.strerror}.") from None
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{EXTRA} Missing: {error.name}") from None
