"""Whether what a model says about a clinic's films moves from week to week.

The distance is the population stability index (PSI): the sum over tenths of (a - b) ln(a / b) for
the shares a and b of two distributions, here of the suspicion of results. Under 0.1 counts as
stable, over 0.25 as a shift (Siddiqi, Credit Risk Scorecards, 2006). With few films chance alone
makes it large, so weeks with fewer than MIN_RESULTS have none.

The films themselves are compared with those that the model was made with: an artifact knows which
distance from its training films a given share of its validation films exceeds, and a result says
whether its film does. So theirs is the index of two bins.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from web.language.asked import _
from web.language.numbers import day, decimal
from web.showing.labels import label_name
from worker.records.clinics import WeekNumbers

MIN_RESULTS = 200
FIRST_WEEKS = 4  # what later weeks are compared with
SOME, MUCH = 0.1, 0.25
NOTHING = 0.5  # counted in every tenth: none may be empty


@dataclass(frozen=True)
class Week:
    """Shares are 0..1, of the results or, for `rejected`, of all images; None of nothing. psi: None
    with too few results, or where the week is one of those that the others are compared with.
    unlike: films unlike the training films; unlike_psi: against those for validation; None where
    the model's artifact is not known, or says nothing of it."""

    week: date
    results: int
    labels: Mapping[str, float]
    confidence: float | None
    uncertain: float | None
    rejected: float | None
    disagreed: float | None
    psi: float | None
    unlike: float | None
    unlike_psi: float | None


@dataclass(frozen=True)
class Drift:
    """Weeks of one model, the oldest first. said: a sentence for each week that moved.
    unlike_on_val: the share of its validation films that are unlike its training films, 0..1."""

    model: str
    weeks: Sequence[Week]
    said: Sequence[str]
    unlike_on_val: float | None


def drift(
    numbers: Sequence[WeekNumbers], unlike_on_val: Mapping[str, float] = MappingProxyType({})
) -> list[Drift]:
    """numbers: by model, and in the order of the weeks. unlike_on_val: by model, as `Drift` has it;
    of those whose artifact is known. Returns: by model, the newest last."""
    models = dict.fromkeys(one.model for one in numbers)
    found = [
        _of_model(model, [one for one in numbers if one.model == model], unlike_on_val.get(model))
        for model in models
    ]
    return sorted(found, key=lambda one: one.weeks[-1].week)


def psi(counts: Sequence[int], reference: Sequence[int]) -> float:
    """Of two histograms with the same bins."""
    return _index(_smooth(counts), _smooth(reference))


def _index(shares: Sequence[float], reference: Sequence[float]) -> float:
    return sum((a - b) * math.log(a / b) for a, b in zip(shares, reference, strict=True))


def _smooth(counts: Sequence[int]) -> list[float]:
    whole = sum(counts) + NOTHING * len(counts)
    return [(count + NOTHING) / whole for count in counts]


def _of_model(model: str, numbers: Sequence[WeekNumbers], unlike_on_val: float | None) -> Drift:
    first, later = _split(numbers)
    reference = [sum(tenths) for tenths in zip(*(one.suspicions for one in first), strict=True)]
    before = {label: sum(one.labels[label] for one in first) for label in first[0].labels}
    weeks, said = [], []
    for one in numbers:
        can_tell = one in later and min(sum(one.suspicions), sum(reference)) >= MIN_RESULTS
        week = _week(one, psi(one.suspicions, reference) if can_tell else None, unlike_on_val)
        weeks.append(week)
        if week.psi is not None and week.psi >= SOME:
            said.append(_sentence(week, before))
        if week.unlike_psi is not None and week.unlike_psi >= SOME:
            said.append(_sentence_of_films(week, unlike_on_val))
    return Drift(model, weeks, said, unlike_on_val)


def _split(numbers: Sequence[WeekNumbers]) -> tuple[Sequence[WeekNumbers], Sequence[WeekNumbers]]:
    """The first weeks, until they have results enough, and those after them."""
    for count in range(1, min(FIRST_WEEKS, len(numbers)) + 1):
        if sum(sum(one.suspicions) for one in numbers[:count]) >= MIN_RESULTS:
            break
    return numbers[:count], numbers[count:]


def _week(one: WeekNumbers, distance: float | None, unlike_on_val: float | None) -> Week:
    is_known = unlike_on_val is not None and 0 < unlike_on_val < 1
    unlike_psi = None
    if is_known and one.compared >= MIN_RESULTS:
        alike = one.compared - one.unlike_training
        shares = _smooth([one.unlike_training, alike])
        unlike_psi = _index(shares, [unlike_on_val, 1 - unlike_on_val])
    return Week(
        week=one.week,
        results=one.done,
        labels={label: _share(count, one.done) or 0.0 for label, count in one.labels.items()},
        confidence=_share(one.confidence, one.done),
        uncertain=_share(one.uncertain, one.done),
        rejected=_share(one.rejected, one.done + one.rejected),
        disagreed=_share(one.disagreed, one.reviewed),
        psi=distance,
        unlike=_share(one.unlike_training, one.compared) if is_known else None,
        unlike_psi=unlike_psi,
    )


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _sentence(week: Week, before: Mapping[str, int]) -> str:
    """What moved most, in words."""
    total = sum(before.values()) or 1
    then = {label: count / total for label, count in before.items()}
    label = max(week.labels, key=lambda one: abs(week.labels[one] - then[one]))
    values = {
        "week": day(week.week),
        "psi": decimal(week.psi, 2),
        "label": _(label_name(label)),
        "before": decimal(100 * then[label], 0),
        "now": decimal(100 * week.labels[label], 0),
    }
    return (
        _(
            "Results of the week of %(week)s differ clearly from those of the first weeks (PSI "
            "%(psi)s): %(label)s went from %(before)s %% to %(now)s %%.",
            **values,
        )
        if week.psi >= MUCH
        else _(
            "Results of the week of %(week)s differ somewhat from those of the first weeks (PSI "
            "%(psi)s): %(label)s went from %(before)s %% to %(now)s %%.",
            **values,
        )
    )


def _sentence_of_films(week: Week, unlike_on_val: float) -> str:
    values = {
        "week": day(week.week),
        "psi": decimal(week.unlike_psi, 2),
        "now": decimal(100 * week.unlike, 0),
        "val": decimal(100 * unlike_on_val, 0),
    }
    if week.unlike < unlike_on_val:
        return _(
            "Films of the week of %(week)s are more like the training films than those that the "
            "model was validated with: %(now)s %% are unlike them, where %(val)s %% were (PSI "
            "%(psi)s).",
            **values,
        )
    return _(
        "Films of the week of %(week)s are less like the training films than those that the model "
        "was validated with: %(now)s %% are unlike them, where %(val)s %% were (PSI %(psi)s).",
        **values,
    )
