"""Weeks of a clinic's results: their distance, and what is said when they move."""

import math
from datetime import date, timedelta

import pytest

from web.showing.drift import MIN_RESULTS, drift, psi
from worker.records.clinics import WeekNumbers

FIRST = date(2026, 9, 7)
STEADY = (40, 30, 20, 20, 20, 20, 20, 10, 10, 10)
MOVED = (10, 10, 10, 20, 20, 20, 20, 20, 30, 40)


def week(number: int, suspicions=STEADY, model="net-1", normal=0.7, unlike=0.05) -> WeekNumbers:
    done = sum(suspicions)
    return WeekNumbers(
        week=FIRST + timedelta(weeks=number),
        model=model,
        done=done,
        rejected=done // 9,
        labels={"COVID19": round(done * (1 - normal)), "NORMAL": round(done * normal)},
        uncertain=done // 10,
        confidence=0.8 * done,
        suspicions=suspicions,
        compared=done,
        unlike_training=round(done * unlike),
        reviewed=10,
        disagreed=2,
    )


def test_the_index_of_two_bins_by_hand():
    """0.9 and 0.1 against 0.5 and 0.5: 0.4 ln 9, but for what empty bins are counted with."""
    assert psi((9000, 1000), (5000, 5000)) == pytest.approx(0.4 * math.log(9), rel=1e-3)
    assert psi(STEADY, STEADY) == 0
    assert psi((100, 0), (100, 0)) < psi((100, 0), (50, 50)) < math.inf


def test_a_week_that_moved_is_said_in_a_sentence():
    (found,) = drift([week(0), week(1), week(2, MOVED, normal=0.3)])
    assert [one.psi is None for one in found.weeks] == [True, False, False]
    assert found.weeks[1].psi == pytest.approx(0)
    assert found.weeks[2].psi > 0.25
    (sentence,) = found.said
    assert "week of 21 Sep 2026 differ clearly" in sentence
    assert "from 30 % to 70 %" in sentence or "from 70 % to 30 %" in sentence


def test_shares_of_a_week():
    (found,) = drift([week(0)])
    (one,) = found.weeks
    assert (one.results, one.confidence, one.uncertain) == (200, pytest.approx(0.8), 0.1)
    assert one.rejected == pytest.approx(22 / 222)
    assert (one.disagreed, one.labels["NORMAL"], found.said) == (0.2, 0.7, [])


def test_few_results_say_nothing():
    few = tuple(count // 10 for count in STEADY)
    assert sum(few) < MIN_RESULTS
    (found,) = drift([week(0), week(1, few[::-1])])
    assert found.weeks[1].psi is None
    (found,) = drift([week(number, few) for number in range(6)])
    assert {one.psi for one in found.weeks} == {None}
    assert found.said == []


def test_models_are_compared_with_themselves_only():
    found = drift([week(0), week(1), week(2, MOVED, model="net-2"), week(3, MOVED, model="net-2")])
    assert [one.model for one in found] == ["net-1", "net-2"]
    assert all(one.said == [] for one in found)
    assert drift([]) == []


def test_films_are_compared_with_those_for_validation():
    """Of 1,000 films 25 % where 5 % were: 0.2 ln 5 - 0.2 ln (0.75 / 0.95) = 0.369."""
    many = tuple(5 * count for count in STEADY)
    numbers = [week(n, many, unlike=unlike) for n, unlike in enumerate((0.05, 0.25, 0.0))]
    (found,) = drift(numbers, {"net-1": 0.05})
    assert [one.unlike for one in found.weeks] == [0.05, 0.25, 0.0]
    assert found.weeks[0].unlike_psi == pytest.approx(0, abs=1e-4)
    assert found.weeks[1].unlike_psi == pytest.approx(0.369, abs=0.005)
    worse, better = found.said
    assert "week of 14 Sep 2026 are less like the training films" in worse
    assert "25 % are unlike them, where 5 % were (PSI 0.37)." in worse
    assert "more like the training films" in better


def test_without_a_known_artifact_or_with_few_results_films_are_not_compared():
    (found,) = drift([week(0, unlike=0.5)])
    assert (found.weeks[0].unlike, found.weeks[0].unlike_psi, found.said) == (None, None, [])
    few = tuple(count // 10 for count in STEADY)
    (found,) = drift([week(0, few, unlike=0.5)], {"net-1": 0.05})
    assert found.weeks[0].unlike == pytest.approx(0.5, abs=0.05)
    assert (found.weeks[0].unlike_psi, found.said) == (None, [])
