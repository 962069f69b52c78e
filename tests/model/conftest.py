"""A loaded model and a real chest X-ray for the tests of `model`."""

import numpy as np
import pytest

from model.classifier import Classifier
from model.reading.radiograph import Radiograph, decode


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """The released model on the CPU."""
    return Classifier.load()


@pytest.fixture(scope="session")
def chest(radiographs) -> Radiograph:
    """The adult chest RG1, some 300 pixels wide."""
    return decode(radiographs["RG1_UNCI"], at_least=300)


@pytest.fixture(scope="session")
def chest_pixels(chest) -> np.ndarray:
    return chest.pixels
