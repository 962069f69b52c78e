"""How far an X-ray is from the training films, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from model.doubt import Reference, of_length_one

REFERENCE = Reference(
    centre=np.array([0.5, 0.5], np.float32),
    directions=np.eye(2, dtype=np.float32),
    points=np.array([[0.5, -0.5], [0.5, 0.5], [-3.5, -0.5]], np.float32),
    nearest=2,
    limit=1.0,
)


@pytest.mark.parametrize(("nearest", "distance"), [(1, 0), (2, 1 / 2), (3, (0 + 1 + 4) / 3)])
def test_the_mean_distance_to_the_nearest_films(nearest, distance):
    reference = replace(REFERENCE, nearest=nearest)
    # Of length 1: (1, 0), which is (0.5, -0.5) from the centre.
    found = reference.distances(np.array([[7.0, 0.0]], np.float32))
    assert found == pytest.approx([distance], abs=1e-3)


def test_features_that_are_all_0_have_a_distance_too():
    assert (of_length_one(np.zeros((1, 3))) == 0).all()
    assert np.isfinite(REFERENCE.distances(np.zeros((1, 2), np.float32))).all()
