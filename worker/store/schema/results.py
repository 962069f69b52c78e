"""What models say about images: results, their maps, and what waits for the shadow model."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from worker.records.images import ResultRole
from worker.store.schema.columns import Base, BigKey, by_value, is_literally, partial_index


class Result(Base):
    """What one model says about one image.

    One of an image's results is `active`; a `shadow` one is kept for comparison and never shown.
    `probabilities` are by label, in the order of the model's labels. `uncertain_reasons` is null in
    results that were saved before reasons were; the triage is, too, where the model has none.
    `film_…` are statistics of the X-ray as the network saw it (`model.films`); null where they are
    not known.
    """

    __tablename__ = "results"

    image_id: Mapped[int] = mapped_column(BigKey, ForeignKey("images.id"), primary_key=True)
    model: Mapped[str] = mapped_column(String(80), primary_key=True)
    role: Mapped[ResultRole] = mapped_column(by_value(ResultRole))
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    label: Mapped[str] = mapped_column(String(80))
    probabilities: Mapped[dict[str, float]]
    uncertain: Mapped[bool]
    uncertain_reasons: Mapped[list[str] | None]
    triage_score: Mapped[float | None]
    triage_threshold: Mapped[float | None]
    timings_ms: Mapped[dict[str, float] | None]
    film_distance: Mapped[float | None]
    film_mean: Mapped[float | None]
    film_contrast: Mapped[float | None]
    created_at: Mapped[datetime]


IS_ACTIVE = is_literally(Result.role, ResultRole.ACTIVE)
IS_SHADOW = is_literally(Result.role, ResultRole.SHADOW)
partial_index("results_shadow", IS_SHADOW, Result.clinic_id, Result.image_id)
partial_index("results_active", IS_ACTIVE, Result.image_id, unique=True)
# Uncertain last: counts by label and certainty read the index alone.
BY_LABEL = (Result.job_id, Result.label, Result.image_id, Result.uncertain)
partial_index("results_of_job_by_label", IS_ACTIVE, *BY_LABEL)


class ShadowTask(Base):
    """An image that has its result, and waits for the shadow model to classify it as well."""

    __tablename__ = "shadow_tasks"

    image_id: Mapped[int] = mapped_column(BigKey, ForeignKey("images.id"), primary_key=True)


class ResultMap(Base):
    """Maps of a result that have the same shape: float16 grids over the part of the X-ray that the
    network saw.

    A row each would cost more than the grids in them. `names` are those of all grids, `name` that
    of the first; where `names` is null there is no other. `position` orders the rows of a result;
    its first map is the main one.
    """

    __tablename__ = "maps"

    image_id: Mapped[int] = mapped_column(BigKey, ForeignKey("images.id"), primary_key=True)
    model: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    names: Mapped[list[str] | None]
    position: Mapped[int]
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    height: Mapped[int]
    width: Mapped[int]
    grid: Mapped[bytes]  # of each name height * width little-endian float16 values, row by row
    left: Mapped[float]
    top: Mapped[float]
    right: Mapped[float]
    bottom: Mapped[float]
