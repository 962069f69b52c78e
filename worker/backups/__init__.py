"""A backup of the embedded default: one tar file, made while the system runs.

It holds the database, the uploaded files with their small pictures, the token and the secret key of
the data folder, and SHA256SUMS of all of them, which `sha256sum --check` reads. The queue is not in
it: the sweeper sends again what waits. Files that are encrypted stay so; CXR_FILES_KEY is not in
it, only the names of the keys that it must hold.
"""

from worker.errors import WorkerError

DATABASE, SUMS = "cxr.db", "SHA256SUMS"
SECRETS = ("secret_key", "token")
IMAGES, KEY_NAMES = "images", "file_keys"


class BackupError(WorkerError):
    """Raised when a backup cannot be made or restored."""
