"""Clinics and their tokens."""

import hashlib

from sqlalchemy import select, text

from worker.records import ClinicRecord
from worker.store.database import Database
from worker.store.rows import now
from worker.store.schema import Clinic, Token


class ClinicVerbs:
    database: Database

    def ping(self) -> None:
        """Raises SQLAlchemy's OperationalError when the database cannot be reached."""
        with self.database.reading() as session:
            session.execute(text("SELECT 1"))

    def clinic_of_token(self, token: str) -> ClinicRecord | None:
        with self.database.reading() as session:
            clinic = session.scalar(
                select(Clinic)
                .join(Token, Token.clinic_id == Clinic.id)
                .where(Token.sha256 == _digest(token))
            )
            return ClinicRecord(id=clinic.id, name=clinic.name) if clinic else None

    def ensure_clinic(self, name: str, token: str) -> ClinicRecord:
        """Make the clinic unless it exists, and let `token` open it."""
        with self.database.writing() as session:
            clinic = session.scalar(select(Clinic).where(Clinic.name == name))
            if clinic is None:
                clinic = Clinic(name=name, created_at=now())
                session.add(clinic)
                session.flush()
            known = session.scalar(select(Token).where(Token.sha256 == _digest(token)))
            if known is None:
                session.add(Token(clinic_id=clinic.id, sha256=_digest(token), created_at=now()))
            return ClinicRecord(id=clinic.id, name=clinic.name)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
