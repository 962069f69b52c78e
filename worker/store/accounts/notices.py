"""What people are told of their accounts, and the places that they sign in from."""

import re
from ipaddress import ip_address, ip_network

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session as Transaction

from worker.access import Role
from worker.notices import COMMAND_LINE, Doer, Notice, NoticeKind
from worker.store.accounts.tables import NoticeRow, Person, Session, SignInPlace
from worker.store.database import Database
from worker.store.numbers import take_number
from worker.store.rows import now

# Kept for each person; older ones go.
MAX_NOTICES = 100
MAX_PLACES = 50
# Providers give a home this much of IPv6 addresses, of which browsers use another one every day.
HOME_BITS = 64


class NoticeVerbs:
    database: Database

    def notices(self, person_id: int, limit: int = MAX_NOTICES) -> list[Notice]:
        """Theirs, the newest first."""
        return self._notices(limit, NoticeRow.person_id == person_id)

    def unread_notices(self, person_id: int, session_id: int, limit: int) -> list[Notice]:
        """Those that this session has to tell."""
        return self._notices(limit, NoticeRow.person_id == person_id, *_unread_in(session_id))

    def mark_notices_read(self, person_id: int, until_id: int) -> None:
        """All up to that one: a later one has not been seen."""
        read = update(NoticeRow).where(
            NoticeRow.person_id == person_id,
            NoticeRow.id <= until_id,
            NoticeRow.read_at.is_(None),
        )
        with self.database.writing() as session:
            session.execute(read.values(read_at=now()))

    def note_failed_sign_in(self, person_id: int, kind: NoticeKind, by: Doer) -> None:
        """One notice counts all attempts that its person has not seen yet.

        kind: FAILED_PASSWORD, or FAILED_CODE after the right password.
        """
        known = select(NoticeRow).where(
            NoticeRow.person_id == person_id, NoticeRow.kind == kind, NoticeRow.read_at.is_(None)
        )
        with self.database.writing() as session:
            notice = session.scalar(known.limit(1).with_for_update())
            if notice is None:
                add_notice(session, session.get_one(Person, person_id), kind, by)
            else:
                notice.times += 1
                notice.at, notice.address, notice.browser = now(), by.address, by.browser[:200]

    def _notices(self, limit: int, *conditions: ColumnElement[bool]) -> list[Notice]:
        query = select(NoticeRow).where(*conditions).order_by(NoticeRow.at.desc()).limit(limit)
        with self.database.reading() as session:
            return [
                Notice(
                    id=row.id,
                    kind=row.kind,
                    at=row.at,
                    by=row.by,
                    address=row.address,
                    browser=row.browser,
                    times=row.times,
                    detail=row.detail,
                )
                for row in session.scalars(query)
            ]


def has_unread() -> ColumnElement[bool]:
    """Whether the person of a session has something to be told in it."""
    return exists().where(NoticeRow.person_id == Session.person_id, *_unread_in(Session.id))


def _unread_in(session_id: int | ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    made_elsewhere = or_(NoticeRow.session_id.is_(None), NoticeRow.session_id != session_id)
    return NoticeRow.read_at.is_(None), made_elsewhere


def add_notice(
    session: Transaction,
    person: Person,
    kind: NoticeKind,
    by: Doer = COMMAND_LINE,
    detail: str = "",
) -> None:
    """In this transaction. The oldest ones beyond MAX_NOTICES go."""
    session.add(
        NoticeRow(
            id=take_number(session, NoticeRow, person.clinic_id),
            person_id=person.id,
            kind=kind,
            at=now(),
            by=by.name[:200],
            address=by.address[:64],
            browser=by.browser[:200],
            session_id=by.session_id,
            detail=detail[:400],
        )
    )
    of_person = select(NoticeRow.id).where(NoticeRow.person_id == person.id)
    oldest = session.scalar(of_person.order_by(NoticeRow.id.desc()).offset(MAX_NOTICES).limit(1))
    if oldest is not None:
        session.execute(
            delete(NoticeRow).where(NoticeRow.person_id == person.id, NoticeRow.id <= oldest)
        )


def tell_admins(
    session: Transaction, clinic_id: int | None, kind: NoticeKind, by: Doer, detail: str
) -> None:
    """Everybody who looks after the access of that clinic, or of the system (None)."""
    role = Role.ADMIN if clinic_id is not None else Role.OPERATOR
    of_clinic = select(Person).where(Person.clinic_id == clinic_id, Person.disabled_at.is_(None))
    for person in session.scalars(of_clinic):
        if role.value in person.roles:
            add_notice(session, person, kind, by, detail)


def note_place(session: Transaction, person: Person, by: Doer) -> None:
    """Where somebody signs in, and a notice when a browser or an address of theirs is new.

    Without any place from before there is nothing to compare it with.
    """
    address, browser = _network(by.address), _without_versions(by.browser)
    places = list(session.scalars(select(SignInPlace).where(SignInPlace.person_id == person.id)))
    known = next((one for one in places if (one.address, one.browser) == (address, browser)), None)
    if known is not None:
        known.last_at = now()
        return
    is_new = all(one.address != address for one in places) or all(
        one.browser != browser for one in places
    )
    if places and is_new:
        add_notice(session, person, NoticeKind.NEW_PLACE, by)
    latest = sorted(places, key=lambda place: place.last_at, reverse=True)
    for one in latest[MAX_PLACES - 1 :]:
        session.delete(one)
    session.add(SignInPlace(person_id=person.id, address=address, browser=browser, last_at=now()))


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:  # a socket has none
        return address[:64]
    if found.version == 6:
        return str(ip_network((found, HOME_BITS), strict=False))
    return str(found)


def _without_versions(browser: str) -> str:
    """A browser that was updated is the same one."""
    return re.sub(r"[\d.]+", "", browser)[:200]
