"""The X-rays of a training run; one that cannot be read ends the run with its name."""

from model.errors import Rejection
from model.reading.radiograph import Radiograph, decode
from training.data.manifest import Sample
from training.errors import TrainingError


def read(sample: Sample) -> Radiograph:
    """Raises TrainingError, naming the file: the data are the user's to put right."""
    try:
        return decode(sample.path)
    except Rejection as rejection:
        raise TrainingError(f"{sample.path}: {rejection.message}") from rejection
