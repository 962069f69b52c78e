"""Statistics of films, and histograms of them."""

import numpy as np

from model.artifact import REFERENCE, load_artifact
from model.classifier import Classifier
from model.films import STATISTICS, Histogram, histograms, of_input


def test_bins_hold_a_tenth_each():
    found = Histogram.of(list(range(1, 101)))
    assert found.counts == (10,) * 10
    assert found.edges == tuple(range(10, 100, 10))


def test_bins_are_fewer_where_many_values_are_the_same():
    found = Histogram.of([1.0] * 70 + [2.0] * 30)
    assert (found.edges, found.counts) == ((1.0,), (70, 30))
    assert Histogram.of([0.5] * 4) == Histogram((0.5,), (4, 0))


def test_mean_and_contrast_are_those_of_the_input():
    image = np.zeros((2, 2, 3), np.float32)
    image[0, :, 0], image[..., 1] = 4, 100
    assert of_input(image) == {"mean": 2.0, "contrast": 2.0}


def test_the_released_model_knows_its_films_for_validation():
    metadata = load_artifact().metadata
    found = histograms(metadata)
    assert tuple(found) == STATISTICS
    for one in found.values():
        assert len(one.counts) == len(one.edges) + 1
        assert sum(one.counts) == metadata["films"]["n"] == metadata["images"]["val"]
        assert list(one.edges) == sorted(set(one.edges))
    # An X-ray is unlike the training films beyond the distance that one in twenty of these exceeds.
    limit = Classifier.load()._training_films.limit
    edges = found["distance"].edges
    assert edges[4] < edges[-1] < limit


def test_an_older_artifact_has_none():
    assert histograms(load_artifact(REFERENCE).metadata) == {}


def test_a_result_says_what_its_film_is_like(classifier, radiographs):
    prepared = classifier.prepare(radiographs["RG1_UNCI"])
    (result,) = classifier.classify([prepared])
    assert set(result.film) == {"distance", "mean", "contrast"}
    assert 0 < result.film["distance"] < 2
    assert result.film | of_input(prepared.image) == result.film
    reference = Classifier.load(REFERENCE)
    prepared = reference.prepare(radiographs["RG1_UNCI"])
    assert set(reference.classify([prepared])[0].film) == {"mean", "contrast"}
