"""Weeks of a clinic's results: their distance, and what is said when they move."""

import math
from datetime import date, timedelta

import pytest

from model.films import Histogram
from web.showing.drift import MIN_RESULTS, FilmReference, drift, psi
from worker.records.clinics import WeekNumbers

FIRST = date(2026, 9, 7)
STEADY = (40, 30, 20, 20, 20, 20, 20, 10, 10, 10)
MOVED = (10, 10, 10, 20, 20, 20, 20, 20, 30, 40)


def week(
    number: int, suspicions=STEADY, model="net-1", normal=0.7, unlike=0.05, films=None
) -> WeekNumbers:
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
        films=films or {},
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


def films(mean: tuple[int, ...], contrast: tuple[int, ...] = (100, 100)) -> dict:
    return {"mean": mean, "contrast": contrast}


HALVES = Histogram((0.5,), (500, 500))
REFERENCE = FilmReference(0.05, {"mean": HALVES, "contrast": HALVES})


def test_films_are_compared_with_those_for_validation():
    """90 % and 10 % against halves: 0.4 ln 9 = 0.879; 65 % and 35 %: 0.15 ln (0.65 / 0.35)."""
    weeks = [
        week(0, films=films((100, 100))),
        week(1, films=films((10, 90), (130, 70))),
        week(2, films=films((900, 100), (650, 350))),
        week(3, films=films((660, 340))),
        week(4, films=films((510, 490))),
        week(5, films=films((700, 300))),
    ]
    (found,) = drift(weeks, {"net-1": REFERENCE})
    assert found.weeks[0].films == {"mean": pytest.approx(0), "contrast": pytest.approx(0)}
    assert found.weeks[1].films["mean"] is None, "too few"
    assert found.weeks[2].films["mean"] == pytest.approx(0.4 * math.log(9), rel=0.01)
    assert found.weeks[2].films["contrast"] == pytest.approx(0.15 * math.log(0.65 / 0.35), rel=0.01)
    clearly, somewhat = found.said  # the week between them had not moved further
    assert clearly == (
        "Films of the week of 21 Sep 2026 differ clearly from those that the model was validated "
        "with (PSI in brackets): Mean grey value (0.88)."
    )
    assert "week of 12 Oct 2026 differ somewhat" in somewhat
    assert "Mean grey value (0.17)" in somewhat
    assert found.is_compared
    assert found.weeks[0].unlike == 0.05


def test_what_a_model_keeps_no_histogram_of_is_not_compared():
    moved = week(0, unlike=0.5, films=films((900, 100)))
    for references in ({}, {"net-1": FilmReference()}, {"net-2": REFERENCE}):
        (found,) = drift([moved], references)
        assert (found.weeks[0].unlike, found.weeks[0].films, found.said) == (None, {}, [])
        assert not found.is_compared
    (found,) = drift([week(0, unlike=0.5)], {"net-1": FilmReference(0.05)})
    assert found.weeks[0].unlike == 0.5
