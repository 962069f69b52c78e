"""Worker processes."""

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from worker.records.images import ResultRole
from worker.store.schema.columns import Base, by_value


class Worker(Base):
    """A worker process, its model, and when it last gave a sign of life.

    `role`: of its results. `processed`: images that it finished since it started.
    `images_per_second`: in the last minute; null before its first sign of life.
    """

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    host: Mapped[str] = mapped_column(String(200))
    pid: Mapped[int]
    device: Mapped[str] = mapped_column(String(16))
    model: Mapped[str] = mapped_column(String(80))
    role: Mapped[ResultRole] = mapped_column(
        by_value(ResultRole), default=ResultRole.ACTIVE, server_default=ResultRole.ACTIVE.value
    )
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    processed: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    images_per_second: Mapped[float | None]
