"""The table of the audit trail. Its rows are never changed: triggers of the database refuse it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from worker.audit import Action
from worker.store.schema import USED_ONCE, Base, BigKey, by_value


class Audit(Base):
    """One entry. No foreign keys: entries outlive what they are about."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_of_clinic", "clinic_id", "id"),
        Index("audit_of_job", "job_id", "id"),
        Index("audit_by_time", "at", "id"),
        Index("audit_of_clinic_by_time", "clinic_id", "at", "id"),
        Index("audit_of_action_by_time", "action", "at", "id"),
        USED_ONCE,
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[datetime]
    clinic_id: Mapped[int | None]
    who_kind: Mapped[str] = mapped_column(String(16))
    who_id: Mapped[int | None] = mapped_column(BigKey)
    who: Mapped[str] = mapped_column(String(200))
    action: Mapped[Action] = mapped_column(by_value(Action))
    job_id: Mapped[int | None] = mapped_column(BigKey)
    image_ids: Mapped[list[Any]] = mapped_column(JSON)
    address: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    hash: Mapped[str] = mapped_column(String(64))
