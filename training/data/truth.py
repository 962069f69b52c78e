"""What an image is taught as: a share for each label, where readers did not agree on one.

A positive test and a clear film do not contradict each other, but a network cannot learn the one
from the other; and opacities that may or may not be COVID-19 are worth something, if not a whole
label.
"""

from collections.abc import Sequence

import numpy as np

from training.data.samples import Sample
from training.errors import TrainingError

# Labels of `unsure.csv`: readings of a panel of radiologists, none of our classes.
UNSURE = {
    "INDETERMINATE": {"COVID19": 0.5, "PNEUMONIA": 0.5},
    "ATYPICAL": {"COVID19": 0.2, "NORMAL": 0.1, "PNEUMONIA": 0.7},
}
# A second reading that contradicts the label.
CONTRADICTED = {
    ("COVID19", "siim: Negative for Pneumonia"): {"COVID19": 0.5, "NORMAL": 0.5},
    ("PNEUMONIA", "rsna: normal"): {"NORMAL": 0.5, "PNEUMONIA": 0.5},
}


def truths(samples: Sequence[Sample], labels: Sequence[str], soften: bool) -> np.ndarray:
    """(N, K) float32, rows sum to 1: one label each, or shares of `UNSURE` and `CONTRADICTED`.

    soften: believe second readings, too.
    Raises TrainingError for a label, or a share of one, that the model does not have.
    """
    found = np.zeros((len(samples), len(labels)), np.float32)
    for row, sample in zip(found, samples, strict=True):
        shares = UNSURE.get(sample.label)
        if shares is None and soften:
            shares = CONTRADICTED.get((sample.label, sample.second_reading))
        for label, share in (shares or {sample.label: 1.0}).items():
            if label not in labels:
                raise TrainingError(f"{sample.path} is taught as {label}, not one of {labels}.")
            row[labels.index(label)] = share
    return found
