"""What images are taught as, and that the source does not tell the label."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from training.data.samples import Sample
from training.data.truth import truths
from training.data.weighting import ALONE, weights_within_sources

LABELS = ("COVID19", "NORMAL", "PNEUMONIA")


def sample(label: str, source: str = "here", second_reading: str = "") -> Sample:
    return Sample(Path("film.png"), label, "train", "1", source, None, second_reading)


def test_a_contradicted_label_counts_half():
    doubted = sample("COVID19", second_reading="siim: Negative for Pneumonia")
    rows = truths([sample("NORMAL"), doubted, sample("ATYPICAL")], LABELS, soften=True)

    np.testing.assert_allclose(rows.sum(axis=1), 1)
    np.testing.assert_allclose(rows[:2], [[0, 1, 0], [0.5, 0.5, 0]])
    assert rows[2].argmax() == 2


def test_labels_are_believed_where_nothing_is_softened():
    doubted = sample("PNEUMONIA", second_reading="rsna: normal")
    np.testing.assert_array_equal(truths([doubted], LABELS, soften=False), [[0, 0, 1]])


def test_the_labels_of_a_source_weigh_the_same():
    counts = {("a", "COVID19"): 300, ("a", "NORMAL"): 100, ("b", "COVID19"): 400}
    samples = [sample(label, source) for (source, label), n in counts.items() for _ in range(n)]

    weights = weights_within_sources(samples)

    total = defaultdict(float)
    for one, weight in zip(samples, weights, strict=True):
        total[one.source, one.label] += float(weight)
    assert weights.mean() == pytest.approx(1)
    assert total["a", "COVID19"] == pytest.approx(total["a", "NORMAL"], rel=1e-4)
    # As large as the other, but of one label only.
    both = total["a", "COVID19"] + total["a", "NORMAL"]
    assert total["b", "COVID19"] == pytest.approx(ALONE * both, rel=1e-4)
