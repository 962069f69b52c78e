"""Results of a clinic's uploads by week, to detect when they change."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType

from sqlalchemy import ColumnElement, Float, Select, String, case, cast, func, select
from sqlalchemy.orm import Session

from model.doubt import Reason
from worker.reading_order import WITHOUT_RESULT
from worker.records.clinics import WeekNumbers
from worker.records.reviews import Verdict
from worker.store.database import Database
from worker.store.images.listing import probability_of
from worker.store.rows import SHOWN
from worker.store.schema import IS_ACTIVE, Image, Job, Result, Review

TENTHS = 10
# Enough for a distribution; of all of a large clinic the page would take seconds.
MAX_FILMS = 50_000
UNLIKE: Reason = "unlike_training"
# Of `model.films`, in SQL.
_STATISTICS: dict[str, ColumnElement[float]] = {
    "distance": Result.film_distance,
    "gate": Image.gate_score,
    "mean": Result.film_mean,
    "contrast": Result.film_contrast,
    "aspect": cast(Image.width, Float) / cast(Image.height, Float),
}


class WeekVerbs:
    database: Database

    def weeks(
        self,
        clinic_id: int,
        since: datetime,
        labels: list[str],
        with_blind: bool = True,
        edges: Mapping[str, Mapping[str, Sequence[float]]] = MappingProxyType({}),
    ) -> list[WeekNumbers]:
        """By model and week, of jobs uploaded after `since` that have results. A job counts for the
        model that most of its results are from. labels: those of the models; without any, there
        are no results yet. with_blind: count blind jobs, too. edges: by model and statistic of its
        films, those between the bins of `films`; models without any have none. Of many films an
        even sample of some MAX_FILMS is counted."""
        if not labels:
            return []
        which = [Job.clinic_id == clinic_id, Job.created_at >= since, Job.done > 0, *SHOWN]
        if not with_blind:
            which.append(Job.blind.is_(False))
        with self.database.reading() as session:
            query = select(Job.id, Job.created_at, Job.done, Job.rejected).where(*which)
            jobs = session.execute(query).all()
            models, found = _results(session, which, labels)
            one_of = 1 + sum(job.done for job in jobs) // MAX_FILMS
            for more in (
                _suspicions(session, which),
                _films(session, which, edges, one_of),
                _reviews(session, which),
            ):
                for job_id, counts in more.items():
                    found[job_id] += counts
        sums: dict[tuple[str, date], Counter] = defaultdict(Counter)
        for job_id, created_at, done, rejected in jobs:
            if job_id in models:
                ((model, _),) = models[job_id].most_common(1)
                monday = created_at.date() - timedelta(days=created_at.weekday())
                sums[model, monday] += found[job_id]
                sums[model, monday].update(done=done, rejected=rejected)
        return [
            _week(model, week, one, labels, edges.get(model, {}))
            for (model, week), one in sorted(sums.items())
        ]


# Conditions that choose jobs, and what was counted of each of them.
Which = Sequence[ColumnElement[bool]]
ByJob = dict[int, Counter]


def _results(session: Session, which: Which, labels: Sequence[str]) -> tuple[ByJob, ByJob]:
    """How many results each model gave; what they say."""
    confidence = func.sum(case(*((Result.label == one, probability_of(one)) for one in labels)))
    unlike = cast(Result.uncertain_reasons, String).contains(UNLIKE)
    query = (
        select(
            *(Job.id, Result.model, Result.label, func.count().label("results")),
            func.count(case((Result.uncertain, 1))).label("uncertain"),
            confidence.label("confidence"),
            func.count(Result.uncertain_reasons).label("compared"),
            func.count(case((unlike, 1))).label("unlike"),
        )
        .join(Result, (Result.job_id == Job.id) & IS_ACTIVE)
        .where(*which)
        .group_by(Job.id, Result.model, Result.label)
    )
    models, found = defaultdict(Counter), defaultdict(Counter)
    for row in session.execute(query):
        models[row.id][row.model] += row.results
        found[row.id]["label", row.label] += row.results
        for name in ("uncertain", "confidence", "compared", "unlike"):
            found[row.id][name] += getattr(row, name)
    return models, found


def _suspicions(session: Session, which: Which) -> ByJob:
    tenth = func.floor(Image.reading_rank * TENTHS).label("tenth")
    query = (
        select(Job.id, tenth, func.count())
        .join(Image, Image.job_id == Job.id)
        .where(*which, Image.reading_rank < WITHOUT_RESULT)
        .group_by(Job.id, "tenth")
    )
    found = defaultdict(Counter)
    for job_id, rank, count in session.execute(query):
        found[job_id]["suspicion", _tenth_of_suspicion(int(rank))] += count
    return found


def _films(
    session: Session,
    which: Which,
    edges: Mapping[str, Mapping[str, Sequence[float]]],
    one_of: int,
) -> ByJob:
    """How many films are in each bin of each statistic, of one of so many films."""
    found = defaultdict(Counter)
    for model, by_name in edges.items():
        for name, between in by_name.items():
            query = _bins(model, _STATISTICS[name], between, one_of).where(*which)
            for job_id, number, count in session.execute(query):
                found[job_id]["film", model, name, number] += count
    return found


def _reviews(session: Session, which: Which) -> ByJob:
    other = case((Review.verdict == Verdict.OTHER_LABEL, Review.image_id))
    query = (
        select(Job.id, func.count(Review.image_id.distinct()), func.count(other.distinct()))
        .join(Review, Review.job_id == Job.id)
        .where(*which)
        .group_by(Job.id)
    )
    return {
        job_id: Counter(reviewed=reviewed, disagreed=disagreed)
        for job_id, reviewed, disagreed in session.execute(query)
    }


def _bins(model: str, value: ColumnElement[float], edges: Sequence[float], one_of: int) -> Select:
    """By job and bin, how many films have such a value, of one of so many films."""
    number = case(*((value <= edge, n) for n, edge in enumerate(edges)), else_=len(edges))
    return (
        select(Job.id, number.label("film_bin"), func.count())
        .join(Result, (Result.job_id == Job.id) & IS_ACTIVE)
        .join(Image, Image.id == Result.image_id)
        .where(Result.model == model, value.is_not(None), Result.image_id % one_of == 0)
        .group_by(Job.id, "film_bin")
    )


def _tenth_of_suspicion(rank: int) -> int:
    """rank: ten times a reading rank, which is a group and 1 - suspicion, rounded down."""
    return 0 if rank == 3 * TENTHS else TENTHS - 1 - rank % TENTHS


def _week(
    model: str,
    week: date,
    found: Counter,
    labels: list[str],
    edges: Mapping[str, Sequence[float]],
) -> WeekNumbers:
    return WeekNumbers(
        week=week,
        model=model,
        done=found["done"],
        rejected=found["rejected"],
        labels={label: found["label", label] for label in labels},
        uncertain=found["uncertain"],
        confidence=found["confidence"],
        compared=found["compared"],
        unlike_training=found["unlike"],
        suspicions=tuple(found["suspicion", tenth] for tenth in range(TENTHS)),
        reviewed=found["reviewed"],
        disagreed=found["disagreed"],
        films={
            name: tuple(found["film", model, name, number] for number in range(len(between) + 1))
            for name, between in edges.items()
        },
    )
