"""The audit trail: adding and reading entries, and checking their chain."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from worker.audit import BEGINNING, Action, AuditCheck, AuditEvent, AuditRecord, Part, chained
from worker.store.audit.tables import Audit
from worker.store.database import Database, take_turns
from worker.store.rows import now

ROWS_AT_ONCE = 1000
WRITERS = 2026112516  # who take turns


class AuditVerbs:
    database: Database

    def audit(self, events: Iterable[AuditEvent]) -> None:
        """Add entries, in their order."""
        with self.database.writing() as session:
            add_entries(session, events)

    def audit_page(
        self,
        part: int | Part,
        *,
        action: Action | None = None,
        job_id: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[AuditRecord]:
        """The newest first, of those before the entry `before_id`. part: the number of a clinic, or
        a `Part` of the trail of the whole system."""
        query = select(Audit)
        if part is not Part.ALL:
            query = query.where(Audit.clinic_id == (None if part is Part.OF_NO_CLINIC else part))
        if action is not None:
            query = query.where(Audit.action == action)
        if job_id is not None:
            query = query.where(Audit.job_id == job_id)
        if since is not None:
            query = query.where(Audit.at >= since)
        if until is not None:
            query = query.where(Audit.at < until)
        if before_id is not None:
            at = select(Audit.at).where(Audit.id == before_id).scalar_subquery()
            query = query.where(tuple_(Audit.at, Audit.id) < tuple_(at, before_id))
        # By time, as the filters of days are: in the order of the chain they would read all others.
        return self._read(query.order_by(Audit.at.desc(), Audit.id.desc()).limit(limit))

    def audit_entries(self, clinic_id: int | None = None) -> Iterator[AuditRecord]:
        """All entries, the oldest first, in pages: memory stays small."""
        after = 0
        while True:
            query = select(Audit).where(Audit.id > after)
            if clinic_id is not None:
                query = query.where(Audit.clinic_id == clinic_id)
            page = self._read(query.order_by(Audit.id).limit(ROWS_AT_ONCE))
            yield from page
            if len(page) < ROWS_AT_ONCE:
                return
            after = page[-1].id

    def check_audit(self) -> AuditCheck:
        """Follow the chain from its beginning to its end, or to the first entry that is wrong."""
        entries, last_id, last = 0, None, BEGINNING
        for record in self.audit_entries():
            if record.hash != chained(last, record.at, record.event):
                return AuditCheck(entries, last_id, last, broken_at=record.id)
            entries, last_id, last = entries + 1, record.id, record.hash
        return AuditCheck(entries, last_id, last, broken_at=None)

    def _read(self, query: Select) -> list[AuditRecord]:
        with self.database.reading() as session:
            return [_record(row) for row in session.scalars(query)]


def add_entries(session: Session, events: Iterable[AuditEvent]) -> None:
    """In this transaction; other writers of entries wait until it ends."""
    take_turns(session, WRITERS)
    last = session.scalar(select(Audit.hash).order_by(Audit.id.desc()).limit(1))
    for event in events:
        at = now()
        last = chained(last or BEGINNING, at, event)
        session.add(_row(event, at, last))
        session.flush()  # numbers follow the order of the chain


def _row(event: AuditEvent, at: datetime, hash_: str) -> Audit:
    return Audit(
        at=at,
        clinic_id=event.clinic_id,
        who_kind=event.who_kind,
        who_id=event.who_id,
        who=event.who,
        action=event.action,
        job_id=event.job_id,
        image_ids=list(event.image_ids),
        address=event.address,
        detail=dict(event.detail),
        hash=hash_,
    )


def _record(row: Audit) -> AuditRecord:
    event = AuditEvent(
        action=row.action,
        clinic_id=row.clinic_id,
        who_kind=row.who_kind,
        who_id=row.who_id,
        who=row.who,
        job_id=row.job_id,
        image_ids=tuple(row.image_ids),
        address=row.address,
        detail=row.detail,
    )
    return AuditRecord(row.id, row.at, event, row.hash)
