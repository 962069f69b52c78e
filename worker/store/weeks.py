"""What models said about a clinic's uploads, week by week: for telling when it changes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType

from sqlalchemy import ColumnElement, Float, Select, String, case, cast, func, select

from model.doubt import Reason
from worker.reading_order import WITHOUT_RESULT
from worker.records.clinics import WeekNumbers
from worker.records.reviews import Verdict
from worker.store.database import Database
from worker.store.images.listing import probability_of
from worker.store.rows import SHOWN
from worker.store.schema import IS_ACTIVE, Image, Job, Result, Review

TENTHS = 10
MAX_FILMS = (
    50_000  # enough for a distribution; of all of a large clinic the page would take seconds
)
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

        def of_jobs(query: Select) -> Select:
            wanted = (Job.clinic_id == clinic_id, Job.created_at >= since, Job.done > 0)
            if not with_blind:
                query = query.where(Job.blind.is_(False))
            return query.where(*wanted, *SHOWN)

        jobs = of_jobs(select(Job.id, Job.created_at, Job.done, Job.rejected))
        sure = func.sum(case(*((Result.label == one, probability_of(one)) for one in labels)))
        unlike = cast(Result.uncertain_reasons, String).contains(UNLIKE)
        results = of_jobs(
            select(
                *(Job.id, Result.model, Result.label, func.count()),
                *(func.count(case((Result.uncertain, 1))), sure),
                *(func.count(Result.uncertain_reasons), func.count(case((unlike, 1)))),
            )
            .join(Result, (Result.job_id == Job.id) & IS_ACTIVE)
            .group_by(Job.id, Result.model, Result.label)
        )
        tenth = func.floor(Image.reading_rank * TENTHS).label("tenth")
        ranks = of_jobs(
            select(Job.id, tenth, func.count())
            .join(Image, Image.job_id == Job.id)
            .where(Image.reading_rank < WITHOUT_RESULT)
            .group_by(Job.id, "tenth")
        )
        other = case((Review.verdict == Verdict.OTHER_LABEL, Review.image_id))
        reviews = of_jobs(
            select(
                Job.id,
                func.count(func.distinct(Review.image_id)),
                func.count(func.distinct(other)),
            )
            .join(Review, Review.job_id == Job.id)
            .group_by(Job.id)
        )
        found: dict[int, Counter] = defaultdict(Counter)
        models: dict[int, Counter] = defaultdict(Counter)
        with self.database.reading() as session:
            for row in session.execute(results):
                job_id, model, label, count, uncertain, confidence, compared, unlike = row
                models[job_id][model] += count
                found[job_id].update({("label", label): count, "uncertain": uncertain})
                found[job_id].update(compared=compared, unlike=unlike)
                found[job_id]["confidence"] += confidence
            for job_id, rank, count in session.execute(ranks):
                found[job_id]["suspicion", _tenth_of_suspicion(int(rank))] += count
            rows = session.execute(jobs).all()
            one_of = 1 + sum(row.done for row in rows) // MAX_FILMS
            for model, by_name in edges.items():
                for name, between in by_name.items():
                    query = of_jobs(_bins(model, _STATISTICS[name], between, one_of))
                    for job_id, number, count in session.execute(query):
                        found[job_id]["film", model, name, number] += count
            for job_id, reviewed, disagreed in session.execute(reviews):
                found[job_id].update(reviewed=reviewed, disagreed=disagreed)
            sums: dict[tuple[str, date], Counter] = defaultdict(Counter)
            for job_id, created_at, done, rejected in rows:
                if job_id in models:
                    ((model, _),) = models[job_id].most_common(1)
                    monday = created_at.date() - timedelta(days=created_at.weekday())
                    sums[model, monday] += found[job_id]
                    sums[model, monday].update(done=done, rejected=rejected)
        return [
            _week(model, week, one, labels, edges.get(model, {}))
            for (model, week), one in sorted(sums.items())
        ]


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
