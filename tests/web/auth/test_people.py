"""People: invited, signed in by name and password, changed and shut out by their clinic's admin."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from tests.support.access import PASSWORD, TOKEN, sign_in
from worker.access import PrincipalKind, Role
from worker.audit import Action
from worker.passwords import hashed

ORIGIN = {"Origin": "http://localhost"}
OTHER_PASSWORD = "nine brittle lanterns"


@pytest.fixture
def person(store):
    """Makes somebody in the first clinic. Returns: their number."""

    def make(name: str, *roles: Role, clinic: str | None = "default") -> int:
        link = store.link(store.invite(clinic, roles or (Role.READER,)))
        return store.accept_invitation(link.id, name, hashed(PASSWORD)).id

    return make


@pytest.fixture
def browser(app):
    """A browser in which somebody has signed in by name and password."""

    def open_(name: str, password: str = PASSWORD) -> FlaskClient:
        browser = app.test_client()
        assert enter(browser, name, password).status_code == 303
        return browser

    return open_


def enter(browser: FlaskClient, name: str, password: str = PASSWORD):
    form = {"name": name, "password": password}
    return browser.post("/sign-in", data=form, headers=ORIGIN)


def follow(browser: FlaskClient, link: str, **form: str):
    browser.get(link.removeprefix("http://localhost"))
    return browser.post("/sign-in/link", data=form, headers=ORIGIN)


def link_in(page: str) -> str:
    return unescape(re.search(r'id="new-link">([^<]+)<', page)[1])


def is_in(browser: FlaskClient) -> bool:
    return browser.get("/account").status_code == 200


def test_an_invitation_makes_an_account_once(reader, app):
    page = reader.post(
        "/access/invitations", data={"roles": ["reader", "uploader"]}, headers=ORIGIN
    )
    link = link_in(page.text)
    invited, late = app.test_client(), app.test_client()
    late.get(link.removeprefix("http://localhost"))
    assert "Join default" in (
        invited.get(link.removeprefix("http://localhost"), follow_redirects=True).text
    )
    made = follow(invited, link, name="  Maria   Núñez ", password=PASSWORD)
    assert (made.status_code, made.headers["Location"]) == (303, "/")
    assert "default · Maria Núñez" in invited.get("/").text
    refused = late.post("/sign-in/link", data={"name": "x", "password": PASSWORD}, headers=ORIGIN)
    assert refused.headers["Location"] == "/sign-in/link"
    assert "no longer works" in late.get("/sign-in/link").text
    assert "Maria Núñez" in reader.get("/access").text


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("Maria", "short", "10 to 200 characters"),
        ("Maria", "password1234", "can be guessed"),
        ("Maria Curie", "Maria Curie 1", "can be guessed"),
        ("", PASSWORD, "A name has 1 to 200"),
        ("MARIA", PASSWORD, "is taken already"),
    ],
)
def test_an_invitation_with_a_bad_name_or_password_can_be_tried_again(
    store, visitor, person, name, password, said
):
    person("maria")
    link = f"/sign-in?link={store.invite('default', [Role.READER])}"
    page = follow(visitor, link, name=name, password=password)
    assert page.status_code == 422
    assert said in page.text
    assert not is_in(visitor)
    assert follow(visitor, link, name="Somebody", password=PASSWORD).status_code == 303


def test_somebody_signs_in_by_name_whatever_its_case(person, visitor):
    person("Núñez")
    assert enter(visitor, "  nu\u0301n\u0303ez ".upper()).status_code == 303
    assert is_in(visitor)


@pytest.mark.parametrize(("name", "password"), [("maria", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_wrong_names_and_passwords_are_told_alike(person, visitor, caplog, name, password):
    person("maria")
    answer = enter(visitor, name, password)
    assert answer.status_code == 403
    assert "do not belong together" in answer.text
    assert "from 127.0.0.1" in caplog.text
    assert not is_in(visitor)


def test_each_role_sees_what_it_should(person, browser, upload):
    upload({"a.png": b"x"})
    for role in Role:
        person(role, role, clinic=None if role is Role.OPERATOR else "default")
    uploader, operator = browser("uploader"), browser("operator")
    page = uploader.get("/jobs/1")
    assert "0 of 1 images are finished" in page.text
    assert "a.png" not in page.text.replace('<h1 dir="auto">a.png</h1>', "").replace(
        "<title>a.png", ""
    )
    assert uploader.get("/images/1").status_code == 403
    assert uploader.get("/access").status_code == 403
    assert operator.get("/").headers["Location"] == "/operations"
    assert "default" in operator.get("/operations").text
    assert operator.get("/jobs/1").status_code == 403
    assert browser("reader").get("/images/1").status_code == 200
    assert browser("admin").get("/access").status_code == 200


def test_how_long_an_answer_takes_does_not_say_whose_names_there_are(person, app, store):
    """What is written of somebody who exists is written once the answer has left."""
    number = person("maria")
    for name in ("maria", "nobody"):
        entries, notices = len(list(store.audit_entries())), len(store.notices(number))
        form = {"name": name, "password": "wrong"}
        asked = EnvironBuilder("/sign-in", method="POST", data=form, headers=ORIGIN).get_environ()
        said = []
        answer = app.wsgi_app(asked, lambda status, headers, said=said: said.append(status))
        assert b"do not belong together" in b"".join(answer)
        assert said == ["403 FORBIDDEN"]
        assert len(list(store.audit_entries())) == entries
        assert len(store.notices(number)) == notices
        answer.close()
        assert len(list(store.audit_entries())) == entries + 1
    assert len(store.notices(number)) == 1


def test_a_password_that_changes_ends_every_other_session(person, browser, app):
    person("maria")
    here, elsewhere = browser("maria"), browser("maria")
    wrong = {"password": "wrong", "new": OTHER_PASSWORD}
    assert here.post("/account/password", data=wrong, headers=ORIGIN).status_code == 403
    weak = {"password": PASSWORD, "new": "aaaaaaaaaaaa"}
    assert here.post("/account/password", data=weak, headers=ORIGIN).status_code == 422
    assert is_in(elsewhere)
    good = {"password": PASSWORD, "new": OTHER_PASSWORD}
    assert here.post("/account/password", data=good, headers=ORIGIN).status_code == 303
    assert is_in(here)
    assert not is_in(elsewhere)
    assert enter(app.test_client(), "maria", PASSWORD).status_code == 403
    browser("maria", OTHER_PASSWORD)


def test_sessions_are_listed_and_ended_by_their_owner(person, browser):
    person("maria")
    here, elsewhere = browser("maria"), browser("maria")
    number = re.search(r"/account/sessions/(\d+)/end", here.get("/account").text)[1]
    assert here.post(f"/account/sessions/{number}/end", headers=ORIGIN).status_code == 303
    assert not is_in(elsewhere)
    assert is_in(here)


def test_nobody_ends_the_session_of_somebody_else(person, browser, store):
    person("maria")
    person("john")
    browser("maria")
    maria = browser("maria")
    number = re.search(r"/account/sessions/(\d+)/end", maria.get("/account").text)[1]
    theirs = browser("john").post(f"/account/sessions/{number}/end", headers=ORIGIN)
    assert theirs.status_code == 404
    assert is_in(maria)


def test_an_admin_shuts_somebody_out_at_once(reader, person, browser, app):
    number = person("maria")
    maria = browser("maria")
    reader.post(f"/access/people/{number}/disable", headers=ORIGIN)
    assert not is_in(maria)
    assert enter(app.test_client(), "maria").status_code == 403
    reader.post(f"/access/people/{number}/enable", headers=ORIGIN)
    browser("maria")


def test_roles_count_from_the_next_request_on(reader, person, browser, upload):
    upload({"a.png": b"x"})
    number = person("maria", Role.UPLOADER)
    maria = browser("maria")
    assert maria.get("/images/1").status_code == 403
    reader.post(f"/access/people/{number}/roles", data={"roles": "reader"}, headers=ORIGIN)
    assert maria.get("/images/1").status_code == 200
    none = reader.post(f"/access/people/{number}/roles", headers=ORIGIN)
    assert none.status_code == 422
    operator = {"roles": ["reader", "operator"]}
    refused = reader.post(f"/access/people/{number}/roles", data=operator, headers=ORIGIN)
    assert refused.status_code == 422


def test_an_admin_can_neither_shut_out_nor_demote_themselves(person, browser):
    number = person("maria", Role.ADMIN)
    maria = browser("maria")
    assert maria.post(f"/access/people/{number}/disable", headers=ORIGIN).status_code == 422
    demoted = maria.post(f"/access/people/{number}/roles", data={"roles": "reader"}, headers=ORIGIN)
    assert demoted.status_code == 422
    assert maria.get("/access").status_code == 200


def test_a_link_to_a_new_password_works_once_and_ends_sessions(reader, person, browser, visitor):
    number = person("maria")
    maria = browser("maria")
    page = reader.post(f"/access/people/{number}/password", headers=ORIGIN)
    link = link_in(page.text)
    assert follow(visitor, link, password="short").status_code == 422
    assert is_in(maria)
    assert follow(visitor, link, password=OTHER_PASSWORD).status_code == 303
    assert is_in(visitor)
    assert not is_in(maria)
    assert enter(maria, "maria", PASSWORD).status_code == 403
    assert follow(maria, link, password=PASSWORD).headers["Location"] == "/sign-in/link"


def test_a_token_is_made_on_the_page_shown_once_and_revoked(reader, visitor, store):
    form = {"name": "the archive", "scopes": ["read"], "expires": "30"}
    page = reader.post("/access/tokens", data=form, headers=ORIGIN)
    token = re.search(r'id="new-token">([^<]+)<', page.text)[1]
    assert token not in reader.get("/access").text
    bearer = {"Authorization": f"Bearer {token}"}
    assert visitor.get("/api/v1/jobs", headers=bearer).status_code == 200
    assert visitor.post("/api/v1/jobs", headers=bearer).status_code == 403
    (made,) = [one for one in store.tokens() if one.name == "the archive"]
    reader.post(f"/access/tokens/{made.id}/revoke", headers=ORIGIN)
    assert visitor.get("/api/v1/jobs", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    "form", [{}, {"scopes": "operate"}, {"scopes": "read", "expires": "7"}, {"scopes": "all"}]
)
def test_a_token_that_makes_no_sense_is_refused(reader, store, form):
    assert reader.post("/access/tokens", data=form, headers=ORIGIN).status_code == 422
    assert len(store.tokens()) == 1


def test_a_token_of_another_length_of_time_is_told_those_that_there_are(reader):
    form = {"scopes": "read", "expires": "7"}
    page = reader.post("/access/tokens", data=form, headers=ORIGIN).text
    assert "A token ends after one of 30, 90, 365 days, or never." in page


def test_an_admin_sees_and_changes_nothing_of_another_clinic(reader, store, person):
    theirs = store.ensure_clinic("another", "a-token-of-another-clinic")
    number = person("john", clinic="another")
    session = store.open_session(PrincipalKind.TOKEN, store.tokens(theirs.id)[0].id, "", "")
    page = reader.get("/access").text
    assert "john" not in page
    for action in ("disable", "enable", "password"):
        assert reader.post(f"/access/people/{number}/{action}", headers=ORIGIN).status_code == 404
    token = store.tokens(theirs.id)[0].id
    assert reader.post(f"/access/tokens/{token}/revoke", headers=ORIGIN).status_code == 404
    opened = store.sessions_of_clinic(theirs.id)[0].id
    assert reader.post(f"/access/sessions/{opened}/end", headers=ORIGIN).status_code == 404
    assert store.principal_of_session(session)


def test_whoever_signed_in_with_a_token_has_no_password(reader):
    assert "Second factor" not in reader.get("/account").text
    assert reader.post("/account/password", headers=ORIGIN).status_code == 403


def test_nothing_of_a_password_is_kept_in_the_clear(person, settings):
    person("maria")
    for file in settings.home.glob("cxr.db*"):
        assert PASSWORD.encode() not in file.read_bytes()


def test_forms_of_other_sites_change_nothing(reader, store):
    evil = {"Origin": "https://evil.example"}
    for path in ("/access/invitations", "/access/tokens", "/account/sessions/end-others"):
        form = {"roles": "admin", "scopes": "read"}
        assert reader.post(path, data=form, headers=evil).status_code == 403
    assert enter_from(reader, evil).status_code == 403


def enter_from(browser: FlaskClient, headers: dict[str, str]):
    return browser.post("/sign-in", data={"token": TOKEN}, headers=headers)


def test_a_session_with_a_token_lists_and_ends_the_others_of_that_token(app, reader):
    other = app.test_client()
    sign_in(other)
    reader.post("/account/sessions/end-others", headers=ORIGIN)
    assert not is_in(other)
    assert is_in(reader)


def test_the_trail_says_who_changed_whom(reader, person, browser, store, app):
    """Roles, accounts, sessions and tokens by number; and who tried to be one of the clinic."""
    maria = person("maria")
    browser("maria")
    session = store.sessions_of(PrincipalKind.PERSON, maria)[0].id
    enter(app.test_client(), "maria", "not her password").close()
    people = f"/access/people/{maria}"
    for path, form in (
        ("/access/invitations", {"roles": "reader"}),
        (f"{people}/roles", {"roles": ["reader", "uploader"]}),
        (f"/access/sessions/{session}/end", {}),
        (f"{people}/disable", {}),
        ("/access/tokens", {"scopes": ["read"]}),
    ):
        assert reader.post(path, data=form, headers=ORIGIN).status_code in (200, 303)
    token = max(token.id for token in store.tokens(1))
    assert reader.post(f"/access/tokens/{token}/revoke", headers=ORIGIN).status_code == 303
    found = [record.event for record in store.audit_page(1)][::-1]
    refused, *changes = [event for event in found if event.action is not Action.SIGNED_IN]
    assert (refused.action, refused.who_kind) == (Action.REFUSED, "nobody")
    assert refused.detail == {"status": 403, "route": "sign_in.enter", "person": maria}
    assert [dict(event.detail) for event in changes] == [
        {"route": "access.invite", "roles": "reader"},
        {"route": "access.set_roles", "person": maria, "roles": "reader uploader"},
        {"route": "access.end_session", "session": session},
        {"route": "access.disable", "person": maria},
        {"route": "access.create_token", "token": token, "scopes": "read"},
        {"route": "access.revoke_token", "token": token},
    ]


def test_the_trail_says_by_which_link_somebody_came_in(store, app):
    secret = store.invite("default", [Role.READER])
    follow(app.test_client(), f"/sign-in?link={secret}", name="maria", password=PASSWORD)
    (entry,) = store.audit_page(1)
    assert (entry.event.who, entry.event.detail) == ("maria", {"link": "invitation"})
