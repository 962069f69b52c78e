"""What readers say about results."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from worker.records.reviews import Verdict
from worker.store.schema.columns import Base, BigKey, by_value


class Review(Base):
    """What one reader says about the result of an image.

    `label` is the reader's, None for a film that cannot be judged. `boxes` are the marks, as
    `worker.records.reviews.ReviewBox`. `model` and `model_label`: the result that was judged.
    `blind`: the reader had not seen it before.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        Index("reviews_of_job", "job_id", "image_id"),
        Index("reviews_of_model", "clinic_id", "model"),
    )

    image_id: Mapped[int] = mapped_column(BigKey, ForeignKey("images.id"), primary_key=True)
    reader: Mapped[str] = mapped_column(String(200), primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    verdict: Mapped[Verdict] = mapped_column(by_value(Verdict))
    label: Mapped[str | None] = mapped_column(String(80))
    comment: Mapped[str] = mapped_column(String(2000))
    boxes: Mapped[list[dict[str, Any]]]
    model: Mapped[str] = mapped_column(String(80))
    model_label: Mapped[str] = mapped_column(String(80))
    blind: Mapped[bool]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
