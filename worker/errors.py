"""Errors between an upload and its result, and how the commands report them."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from model.errors import ModelError


class WorkerError(Exception):
    """Root of this package's errors."""


class SettingsError(WorkerError):
    """Raised when an environment variable has a value that cannot be used."""


class NotFound(WorkerError):
    """Raised when no such row exists in the asking clinic.

    The same for a row of another clinic: its existence is not given away.
    """


class TokenEnded(WorkerError):
    """Raised when the configured access token is one that was revoked or replaced."""


class LinkEnded(WorkerError):
    """Raised when a link that works once was used, or is too old, or never was one."""


class PasswordRefused(WorkerError):
    """Raised when somebody chooses a password that is easy to guess, or an invalid name."""


class NameTaken(WorkerError):
    """Raised when somebody chooses a name that another person has."""


class TooManyViews(WorkerError):
    """Raised when somebody saves more views than may be kept for one reader."""


class TooManyWaiting(WorkerError):
    """Raised when an upload or a retry would let more images of its clinic wait than may."""


class QuotaReached(WorkerError):
    """Raised when the X-rays of a clinic take as much of the disk as they may."""


class KeyTaken(WorkerError):
    """Raised when the clinic has an upload with this idempotency key: it was sent twice."""


class KeyReused(WorkerError):
    """Raised when an idempotency key comes again with other files than the first time."""


class UploadAbandoned(WorkerError):
    """Raised when a client continues an upload that was discarded after too long a silence."""


class JobNotOpen(WorkerError):
    """Raised when files are added to a job that takes no more."""


class NotRefusedByGate(WorkerError):
    """Raised when an image is to be classified anyway that the gate did not refuse."""


class FileNotKept(WorkerError):
    """Raised when an image cannot be classified again because its file is no longer kept."""


class NoResultToReview(WorkerError):
    """Raised when an image is reviewed that has no result."""


class ReviewIsFinal(WorkerError):
    """Raised when a review is to be changed that was given before the answer was shown."""


class JobHeld(WorkerError):
    """Raised when a job that is held is to be deleted, or what belongs to it."""


class JobNotFinished(WorkerError):
    """Raised when what belongs to a finished job is to be deleted, and it is worked on again."""


class UnknownLabel(WorkerError):
    """Raised when results are asked for by a label that the job's model does not have."""


class SortTooWide(WorkerError):
    """Raised when a list is asked for in an order that takes too long for so many images."""


class InvalidCursor(WorkerError):
    """Raised when a page cursor was not made by this API."""


class PieceMisplaced(WorkerError):
    """Raised when a piece does not begin where the upload ends so far."""


class TooManyUnfinished(WorkerError):
    """Raised when a clinic has as many unfinished uploads as are kept."""


class UploadTooLarge(WorkerError):
    """Raised when an upload as a whole is over a limit (one file over its limit is rejected).

    `code` names the limit for programs.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class StorageUnavailable(WorkerError):
    """Raised when the image store cannot take a file: disk full or not writable."""


class FileLocked(WorkerError):
    """Raised when a stored file is encrypted with a key that is not among those of the setting."""


class FileDamaged(WorkerError):
    """Raised when an encrypted file was changed or cut off on the disk."""


class FilesBusy(WorkerError):
    """Raised when stored files are to be encrypted while another command does that."""


class TooManyPictures(WorkerError):
    """Raised when a clinic waits for as many pictures as it may."""


class DatabaseOutOfDate(WorkerError):
    """Raised when the database's tables are not those that this version needs."""


class LaunchError(WorkerError):
    """Raised when a part of the system cannot be started."""


@contextmanager
def worker_errors() -> Iterator[None]:
    """Known errors become one sentence on stderr and exit code 1."""
    try:
        yield
    except (WorkerError, ModelError) as error:
        raise click.ClickException(str(error)) from error
