"""Results of shadow models, beside those of the model in use."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Float, and_, func, select
from sqlalchemy.orm import aliased

from worker.records.clinics import ShadowNumbers
from worker.store.database import Database
from worker.store.images.listing import is_known_to
from worker.store.rows import SHOWN, labels_of_clinic
from worker.store.schema import IS_ACTIVE, IS_SHADOW, Job, Result

MAX_SHADOWS = 20_000  # results; the newest say what a shadow model is like now


class ShadowVerbs:
    database: Database

    def shadows(self, clinic_id: int, known_to: str | None = None) -> list[ShadowNumbers]:
        """By model and shadow model, of the newest MAX_SHADOWS results of shadow models.
        known_to: as in `ImageFilter`."""
        newest = (
            select(Result.image_id, Result.model, Result.label, Result.probabilities)
            .where(IS_SHADOW, Result.clinic_id == clinic_id)
            .order_by(Result.image_id.desc())
            .limit(MAX_SHADOWS)
            .subquery()
        )
        shadow = aliased(Result, newest)
        with self.database.reading() as session:
            labels = labels_of_clinic(session, clinic_id)
            by = (Result.model, newest.c.model, Result.label, newest.c.label)
            query = (
                select(*by, func.count(), *_differences(shadow, labels))
                .join(newest, and_(newest.c.image_id == Result.image_id, IS_ACTIVE))
                .join(Job, Job.id == Result.job_id)
                .where(*SHOWN)
                .group_by(*by)
            )
            if known_to is not None:
                query = query.where(is_known_to(known_to, Result.image_id, Result.job_id))
            rows = session.execute(query).all()
        counts: dict[tuple[str, str], Counter] = defaultdict(Counter)
        sums: dict[tuple[str, str], Counter] = defaultdict(Counter)
        for model, other, label, other_label, count, *values in rows:
            counts[model, other][label, other_label] = count
            for number, one in enumerate(labels):
                known, sum_of, sum_of_sizes = values[3 * number : 3 * number + 3]
                if known:
                    sums[model, other].update(
                        {("n", one): known, ("sum", one): sum_of, ("size", one): sum_of_sizes}
                    )
        return [
            ShadowNumbers(
                model=model,
                shadow=other,
                counts=counts[model, other],
                differences={one: found["sum", one] / found["n", one] for one in _known(found)},
                distances={one: found["size", one] / found["n", one] for one in _known(found)},
            )
            for (model, other), found in sorted(sums.items())
        ]


def _known(found: Counter) -> list[str]:
    return [label for kind, label in found if kind == "n"]


def _differences(shadow: type[Result], labels: Sequence[str]) -> list[ColumnElement[float]]:
    """For each label: of how many results both know it, the sum of the shadow's probability less
    the other's, and that of its size."""
    found: list[ColumnElement[float]] = []
    for label in labels:
        theirs, ours = (one.probabilities[label].as_float() for one in (shadow, Result))
        less = (theirs - ours).cast(Float)
        found += [func.count(less), func.sum(less), func.sum(func.abs(less))]
    return found
