"""What can be wrong with the data or the settings of a training run."""


class TrainingError(Exception):
    """Root of this package's errors."""


class InvalidManifest(TrainingError):
    """Raised when a manifest or data folder cannot be used; says which row and why."""


class PatientLeak(TrainingError):
    """Raised when a patient's images are in more than one split."""
