"""The SQL tables. Every row carries the id of its clinic, and every query asks for it.

Those of who gets in, of the audit trail and of what clinics keep are with their verbs
(`accounts/tables.py`, `audit/tables.py`, `keeping/`).
"""

from worker.store.schema.columns import USED_ONCE, Base, BigKey, by_value
from worker.store.schema.images import HAS_PATIENT, NOT_HELD, Image, status_is
from worker.store.schema.jobs import HAS_WAITING, Clinic, Job
from worker.store.schema.results import IS_ACTIVE, IS_SHADOW, Result, ResultMap, ShadowTask
from worker.store.schema.reviews import Review
from worker.store.schema.workers import Worker

__all__ = [
    "HAS_PATIENT",
    "HAS_WAITING",
    "IS_ACTIVE",
    "IS_SHADOW",
    "NOT_HELD",
    "USED_ONCE",
    "Base",
    "BigKey",
    "Clinic",
    "Image",
    "Job",
    "Result",
    "ResultMap",
    "Review",
    "ShadowTask",
    "Worker",
    "by_value",
    "status_is",
]
