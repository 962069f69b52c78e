"""Tokens, sessions and links in the store."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.support.databases import migrated_store
from worker.access import FIRST_SCOPES, PrincipalKind, Scope
from worker.errors import LinkEnded, NotFound, TokenEnded
from worker.store import Store
from worker.store.accounts.sessions import IDLE, LONGEST
from worker.store.accounts.tables import Link, Session
from worker.store.rows import now

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(migrated_url):
    store = migrated_store(migrated_url)
    store.ensure_clinic("clinic", "first token")
    yield store
    store.close()


@pytest.fixture
def session(store) -> str:
    first = store.principal_of_token("first token")
    return store.open_session(PrincipalKind.TOKEN, first.id, "127.0.0.1", "Firefox")


def change(store: Store, table: type, **values: object) -> None:
    with store.database.writing() as transaction:
        transaction.execute(update(table).values(**values))


def test_a_configured_token_that_is_replaced_ends_with_its_sessions(store, session):
    assert store.principal_of_session(session).scopes == FIRST_SCOPES
    other = store.create_token("clinic", [Scope.READ])[1]
    store.ensure_clinic("clinic", "second token")
    assert store.principal_of_token("first token") is None
    assert store.principal_of_session(session) is None
    assert store.principal_of_token("second token").clinic.name == "clinic"
    assert store.principal_of_token(other)
    store.ensure_clinic("clinic", "second token")
    assert store.principal_of_token("second token")
    with pytest.raises(TokenEnded, match="new one"):
        store.ensure_clinic("clinic", "first token")


def test_the_configured_token_of_another_clinic_stays(store):
    store.ensure_clinic("another", "another token")
    assert store.principal_of_token("first token")
    assert store.principal_of_token("another token").clinic.name == "another"


def test_a_clinic_revokes_its_own_tokens_only(store):
    theirs = store.ensure_clinic("another", "another token")
    first = store.principal_of_token("first token")
    with pytest.raises(NotFound):
        store.revoke_token(first.id, theirs.id)
    assert store.principal_of_token("first token")


def test_a_session_ends_without_use_and_in_any_case_after_a_week(store, session):
    assert store.principal_of_session(session)
    change(store, Session, seen_at=now() - IDLE + MINUTE)
    assert store.principal_of_session(session)
    change(store, Session, seen_at=now() - IDLE)
    assert store.principal_of_session(session) is None
    change(store, Session, seen_at=now(), created_at=now() - LONGEST + MINUTE)
    assert store.principal_of_session(session)
    change(store, Session, seen_at=now(), created_at=now() - LONGEST)
    assert store.principal_of_session(session) is None


def test_a_session_that_is_ended_is_gone(store, session):
    first = store.principal_of_token("first token")
    (listed,) = store.sessions_of(PrincipalKind.TOKEN, first.id)
    assert (listed.who, listed.address, listed.browser) == ("first token", "127.0.0.1", "Firefox")
    assert store.sessions_of_clinic(first.clinic.id) == [listed]
    store.end_session_of(session)
    assert store.principal_of_session(session) is None
    assert store.sessions_of(PrincipalKind.TOKEN, first.id) == []


def test_all_sessions_but_one_end(store, session):
    first = store.principal_of_token("first token")
    other = store.open_session(PrincipalKind.TOKEN, first.id, "", "")
    store.end_sessions(
        PrincipalKind.TOKEN, first.id, except_id=store.principal_of_session(session).session_id
    )
    assert store.principal_of_session(session)
    assert store.principal_of_session(other) is None


def test_the_use_of_a_session_is_noted(store, session):
    change(store, Session, seen_at=now() - IDLE + MINUTE)
    store.note_session_use([store.principal_of_session(session).session_id])
    (listed,) = store.sessions_of(PrincipalKind.TOKEN, store.principal_of_token("first token").id)
    assert now() - listed.seen_at < MINUTE


def test_a_link_works_once(store):
    secret = store.sign_in_link("first token")
    link = store.link(secret)
    assert link.clinic.name == "clinic"
    store.use_link(link.id)
    assert store.link(secret) is None
    with pytest.raises(LinkEnded):
        store.use_link(link.id)


def test_a_link_that_is_too_old_or_whose_token_ended_does_not_work(store):
    secret = store.sign_in_link("first token")
    change(store, Link, expires_at=now())
    assert store.link(secret) is None
    with pytest.raises(LinkEnded):
        store.use_link(1)
    secret = store.sign_in_link("first token")
    store.revoke_token(store.principal_of_token("first token").id)
    assert store.link(secret) is None
    with pytest.raises(NotFound):
        store.sign_in_link("nobody's token")
