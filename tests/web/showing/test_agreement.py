"""Figures of agreement, against hand-worked and published values."""

from collections import Counter

import pytest

from web.showing.agreement import agreement

LABELS = ("COVID19", "NORMAL", "PNEUMONIA")


def test_cohens_kappa_of_a_known_table():
    """20 and 15 agreed, 5 and 10 not: kappa 0.4 (the textbook's example of two readers)."""
    counts = Counter({("A", "A"): 20, ("A", "B"): 5, ("B", "A"): 10, ("B", "B"): 15})
    found = agreement(counts, ("A", "B"))
    assert found.n == 50
    assert found.agreed.value == pytest.approx(0.7)
    assert found.kappa.value == pytest.approx(0.4)
    assert (found.kappa.low, found.kappa.high) == pytest.approx((0.146, 0.654), abs=0.001)
    a, b = found.labels
    assert (a.sensitivity.value, a.sensitivity.n) == (pytest.approx(20 / 30), 30)
    assert (a.specificity.value, a.specificity.n) == (pytest.approx(15 / 20), 20)
    assert b.sensitivity == a.specificity


def test_wilsons_interval_near_the_edge():
    """10 of 10: 0.722 to 1 (Wilson's interval)."""
    found = agreement(Counter({("NORMAL", "NORMAL"): 10}), LABELS)
    many = agreement(Counter({("NORMAL", "NORMAL"): 40}), LABELS)
    assert (found.agreed.low, found.agreed.high) == pytest.approx((0.722, 1.0), abs=0.001)
    assert many.kappa.value is None, "all of one label: chance alone explains it"
    assert found.labels[0].sensitivity.value is None
    assert found.labels[0].specificity.n == 10


def test_without_reviews_there_are_no_figures():
    found = agreement(Counter(), LABELS)
    assert (found.n, found.agreed.value, found.kappa.value) == (0, None, None)
