"""Views that a reader saves: theirs alone, in any browser, without a script."""

import html
import re

import pytest

from tests.support.permissions import ORIGIN
from worker.access import PrincipalKind, Role
from worker.store import DEFAULT_CLINIC
from worker.store.accounts import saved_views

PATIENT = "search=P-4711"


@pytest.fixture
def browser_of(app, store):
    """Makes a browser of a reader, by their name; asked again, another one of the same person."""
    people = {}

    def make(name: str):
        if name not in people:
            link = store.link(store.invite(DEFAULT_CLINIC, [Role.READER]))
            people[name] = store.accept_invitation(link.id, name, "no password").id
        browser = app.test_client()
        secret = store.open_session(PrincipalKind.PERSON, people[name], "", "")
        browser.set_cookie("cxr_session", secret)
        return browser

    return make


def save(browser, name="My patient", query=PATIENT):
    form = {"name": name, "query": query}
    return browser.post("/images/views", data=form, headers=ORIGIN)


def views(browser) -> dict[str, str]:
    """Address by name, as the page links them."""
    page = browser.get("/images").text
    links = re.findall(r'<span class="own-view">\s*<a href="([^"]+)"[^>]*>(.*?)</a>', page)
    return {html.unescape(name): html.unescape(address) for address, name in links}


def test_a_view_is_a_link_in_every_browser_of_its_reader_and_of_nobody_else(browser_of, reader):
    answer = save(browser_of("Ann"), query="?status=failed,done&search=P%2D4711&cursor=x")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/images?status=failed%2Cdone&search=P-4711"
    assert views(browser_of("Ann")) == {"My patient": answer.headers["Location"]}
    assert browser_of("Ann").get(answer.headers["Location"]).status_code == 200
    assert views(browser_of("Ben")) == views(reader) == {}
    assert '/images?status=failed%2Cdone&amp;search=P-4711" dir="auto">My patient' in (
        browser_of("Ann").get("/").text
    ), "the worklist leads there"
    save(reader, "Of a token")
    assert list(views(reader)) == ["Of a token"]


def test_a_view_of_the_same_name_is_replaced_and_one_can_be_removed(browser_of):
    ann, ben = browser_of("Ann"), browser_of("Ben")
    save(ann)
    save(ann, query="uncertain=true")
    assert views(ann) == {"My patient": "/images?uncertain=true"}
    save(ann, "<b>All</b> & more", "")
    assert views(ann)["<b>All</b> & more"] == "/images"
    (first, _) = re.findall(r'action="(/images/views/[0-9]+/remove)"', ann.get("/images").text)
    assert ben.post(first, headers=ORIGIN).status_code == 404
    assert ann.post(first).status_code == 403, "a page of another site"
    answer = ann.post(first, data={"query": "?status=failed"}, headers=ORIGIN)
    assert answer.headers["Location"] == "/images?status=failed"
    assert list(views(ann)) == ["<b>All</b> & more"]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        *(("", PATIENT), ("   ", PATIENT), ("x" * 81, PATIENT), ("a\x00b", PATIENT)),
        *(("Odd", "status=odd"), ("Long", "label=" + ",".join("x" * 60 for _ in range(40)))),
    ],
)
def test_what_cannot_be_saved_is_refused(browser_of, name, query):
    assert save(browser_of("Ann"), name, query).status_code == 422
    assert views(browser_of("Ann")) == {}


def test_there_is_a_bound(browser_of, monkeypatch):
    monkeypatch.setattr(saved_views, "MAX_VIEWS", 4)
    ann = browser_of("Ann")
    for number in range(4):
        assert save(ann, f"View {number}").status_code == 303
    assert save(ann, "One more").status_code == 409
    assert save(ann, "View 3", "").status_code == 303
    assert len(views(ann)) == 4
    assert save(browser_of("Ben")).status_code == 303


def test_what_was_searched_for_is_in_no_log_and_no_entry(browser_of, app, store, caplog):
    with caplog.at_level("DEBUG"):
        save(browser_of("Ann"), "Patient 4711")
    app.extensions["cxr"].trail.close()
    entries = [record.event for record in store.audit_entries()]
    assert {"route": "saved_views.save"} in [entry.detail for entry in entries]
    assert "4711" not in f"{entries} {caplog.text}"


def test_views_go_with_their_owner(browser_of, reader, store):
    save(browser_of("Ann"))
    save(reader)
    with store.database.engine.begin() as connection:
        for table in ("sessions", "links", "people"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        left = connection.exec_driver_sql("SELECT token_id FROM saved_views").scalars().all()
    assert left == [1]
    store.revoke_token(1)
    with store.database.reading() as session:
        count = session.connection().exec_driver_sql("SELECT count(*) FROM saved_views").scalar()
    assert count == 0
