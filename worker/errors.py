"""What can go wrong between an upload and its verdict."""


class WorkerError(Exception):
    """Root of this package's errors."""


class SettingsError(WorkerError):
    """Raised when an environment variable has a value that cannot be used."""


class NotFound(WorkerError):
    """Raised when no such row exists in the asking clinic.

    The same for a row of another clinic: its existence is not given away.
    """


class KeyTaken(WorkerError):
    """Raised when the clinic has a job with this idempotency key: the upload was sent twice."""


class InvalidCursor(WorkerError):
    """Raised when a page cursor was not made by this API."""


class StorageUnavailable(WorkerError):
    """Raised when the image store cannot take a file: disk full or not writable."""


class DatabaseOutOfDate(WorkerError):
    """Raised when the database's tables are not those that this version needs."""


class LaunchError(WorkerError):
    """Raised when a part of the system cannot be started."""
