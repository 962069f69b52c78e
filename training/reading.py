"""The X-rays of a training run; one that cannot be read ends the run with its name."""

from model.errors import Rejection
from model.images import Radiograph, decode
from training.errors import TrainingError
from training.manifest import Sample


def read(sample: Sample) -> Radiograph:
    """Raises TrainingError, naming the file: the data are the user's to put right."""
    try:
        return decode(sample.path)
    except Rejection as rejection:
        raise TrainingError(f"{sample.path}: {rejection.message}") from rejection
