"""Whether a model's results for a clinic's films change from week to week.

The distance is the population stability index (PSI): the sum over tenths of (a - b) ln(a / b) for
the shares a and b of two distributions, here of the suspicion of results. Under 0.1 counts as
stable, over 0.25 as a shift (Siddiqi, Credit Risk Scorecards, 2006). With few films chance alone
makes it large, so weeks with fewer than MIN_RESULTS have none.

The films themselves are compared with those that the model was validated with, of which an artifact
keeps histograms (`model.films`); one that was made before there were any says nothing of them.
"""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from model.films import Histogram
from web.language.asked import N_, _
from web.language.numbers import day, decimal
from web.showing.labels import label_name
from worker.records.clinics import WeekNumbers

MIN_RESULTS = 200
FIRST_WEEKS = 4  # what later weeks are compared with
SOME, MUCH = 0.1, 0.25
NOTHING = 0.5  # counted in every tenth: none may be empty
# Statistics of films, as words.
FILM_STATISTICS = {
    "distance": N_("Distance from training films"),
    "gate": N_("Gate score"),
    "mean": N_("Mean grey value"),
    "contrast": N_("Contrast"),
    "aspect": N_("Aspect ratio"),
}


@dataclass(frozen=True)
class Week:
    """Shares are 0..1, of the results or, for `rejected`, of all images; None of nothing. psi: None
    with too few results, or where the week is one of those that the others are compared with.
    unlike: films unlike the training films; None where the model's artifact is not known, or says
    nothing of it. films: by statistic, the PSI of the films against those for validation; None of
    too few."""

    week: date
    results: int
    labels: Mapping[str, float]
    confidence: float | None
    uncertain: float | None
    rejected: float | None
    disagreed: float | None
    psi: float | None
    unlike: float | None
    films: Mapping[str, float | None]


@dataclass(frozen=True)
class FilmReference:
    """What an artifact keeps of the films that its model was validated with.

    unlike: the share of them that are unlike its training films, 0..1; None: not known.
    """

    unlike: float | None = None
    histograms: Mapping[str, Histogram] = field(default_factory=dict)

    @property
    def edges(self) -> dict[str, tuple[float, ...]]:
        """Of the bins, by statistic."""
        return {name: one.edges for name, one in self.histograms.items()}


@dataclass(frozen=True)
class Drift:
    """Weeks of one model, the oldest first. said: a sentence for each week that moved. reference:
    empty where the model's artifact is not known."""

    model: str
    weeks: Sequence[Week]
    said: Sequence[str]
    reference: FilmReference

    @property
    def is_compared(self) -> bool:
        """Whether any week has enough results to be compared with anything."""
        return any({week.psi, *week.films.values()} != {None} for week in self.weeks)


def drift(
    numbers: Sequence[WeekNumbers],
    references: Mapping[str, FilmReference] = MappingProxyType({}),
) -> list[Drift]:
    """numbers: by model, and in the order of the weeks. references: by model; of those whose
    artifact is known. Returns: by model, the newest last."""
    models = dict.fromkeys(one.model for one in numbers)
    found = [
        _of_model(
            model,
            [one for one in numbers if one.model == model],
            references.get(model, FilmReference()),
        )
        for model in models
    ]
    return sorted(found, key=lambda one: one.weeks[-1].week)


def psi(counts: Sequence[int], reference: Sequence[int]) -> float:
    """Of two histograms with the same bins."""
    pairs = zip(_smooth(counts), _smooth(reference), strict=True)
    return sum((a - b) * math.log(a / b) for a, b in pairs)


def _smooth(counts: Sequence[int]) -> list[float]:
    whole = sum(counts) + NOTHING * len(counts)
    return [(count + NOTHING) / whole for count in counts]


def _of_model(model: str, numbers: Sequence[WeekNumbers], films: FilmReference) -> Drift:
    first, later = _split(numbers)
    reference = [sum(tenths) for tenths in zip(*(one.suspicions for one in first), strict=True)]
    before = {label: sum(one.labels[label] for one in first) for label in first[0].labels}
    weeks, said = [], []
    # A clinic's films may never look like those for validation: said once, not every week.
    moved_before: Set[str] = frozenset()
    for one in numbers:
        can_tell = one in later and min(sum(one.suspicions), sum(reference)) >= MIN_RESULTS
        week = _week(one, psi(one.suspicions, reference) if can_tell else None, films)
        weeks.append(week)
        if week.psi is not None and week.psi >= SOME:
            said.append(_sentence(week, before))
        moved = {name: far for name, far in week.films.items() if far and far >= SOME}
        if not moved.keys() <= moved_before:
            said.append(_sentence_of_films(week, moved))
        if set(week.films.values()) != {None}:
            moved_before = moved.keys()
    return Drift(model, weeks, said, films)


def _split(numbers: Sequence[WeekNumbers]) -> tuple[Sequence[WeekNumbers], Sequence[WeekNumbers]]:
    """The first weeks, until they have results enough, and those after them."""
    for count in range(1, min(FIRST_WEEKS, len(numbers)) + 1):
        if sum(sum(one.suspicions) for one in numbers[:count]) >= MIN_RESULTS:
            break
    return numbers[:count], numbers[count:]


def _week(one: WeekNumbers, distance: float | None, films: FilmReference) -> Week:
    return Week(
        week=one.week,
        results=one.done,
        labels={label: _share(count, one.done) or 0.0 for label, count in one.labels.items()},
        confidence=_share(one.confidence, one.done),
        uncertain=_share(one.uncertain, one.done),
        rejected=_share(one.rejected, one.done + one.rejected),
        disagreed=_share(one.disagreed, one.reviewed),
        psi=distance,
        unlike=None if films.unlike is None else _share(one.unlike_training, one.compared),
        films={
            name: psi(one.films[name], histogram.counts)
            if sum(one.films.get(name, ())) >= MIN_RESULTS
            else None
            for name, histogram in films.histograms.items()
        },
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


def _sentence_of_films(week: Week, moved: Mapping[str, float]) -> str:
    """moved: PSI of the statistics that did."""
    names = [
        f"{_(FILM_STATISTICS[name])} ({decimal(far, 2)})"
        for name, far in sorted(moved.items(), key=lambda one: -one[1])
    ]
    values = {"week": day(week.week), "statistics": ", ".join(names)}
    return (
        _(
            "Films of the week of %(week)s differ clearly from those that the model was validated "
            "with (PSI in brackets): %(statistics)s.",
            **values,
        )
        if max(moved.values()) >= MUCH
        else _(
            "Films of the week of %(week)s differ somewhat from those that the model was validated "
            "with (PSI in brackets): %(statistics)s.",
            **values,
        )
    )
