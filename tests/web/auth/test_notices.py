"""People are told what happens to their accounts, but for what the same browser did."""

import re
from dataclasses import replace
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.access import PASSWORD, code_of
from web.app import create_app
from web.auth import second_factor
from worker.access import PrincipalKind, Role
from worker.notices import Doer, NoticeKind
from worker.store.accounts.notices import MAX_NOTICES, MAX_PLACES
from worker.store.accounts.tables import SignInPlace

ORIGIN = {"Origin": "http://localhost"}
OTHER_PASSWORD = "nine brittle lanterns"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FIREFOX_NEXT = FIREFOX.replace("140", "141")
EDGE = "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0"


@pytest.fixture
def maria(person) -> int:
    return person("maria")


@pytest.fixture
def ada(app, person) -> FlaskClient:
    """An admin's browser."""
    person("ada", Role.ADMIN)
    return entered(app, "ada", address="10.0.0.9")


def entered(
    app, name: str, address: str = "10.0.0.1", browser: str = FIREFOX, password: str = PASSWORD
) -> FlaskClient:
    """A browser in which somebody signed in, or tried to."""
    client = app.test_client()
    client.environ_base |= {"REMOTE_ADDR": address, "HTTP_USER_AGENT": browser}
    form = {"name": name, "password": password}
    # Failures are written when the answer has left.
    client.post("/sign-in", data=form, headers=ORIGIN).close()
    return client


def told(browser: FlaskClient) -> str:
    """The text of the banner of a page; "" for none."""
    page = browser.get("/help").text
    found = re.search(r'<section class="news".*?</section>', page, re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split()) if found else ""


def kinds(store, person_id: int) -> list[NoticeKind]:
    return [notice.kind for notice in store.notices(person_id)]


def test_a_new_browser_or_address_is_told_and_a_known_one_is_not(app, store, maria):
    assert told(entered(app, "maria")) == ""  # the first one: there is nothing to compare it with
    assert told(entered(app, "maria", browser=FIREFOX_NEXT)) == ""  # an update
    elsewhere = entered(app, "maria", address="203.0.113.7")
    said = told(elsewhere)
    assert "Somebody signed in as you from a new browser or address." in said
    assert "Firefox on Linux · 203.0.113.7" in said
    entered(app, "maria", browser=EDGE)
    assert kinds(store, maria) == [NoticeKind.NEW_PLACE] * 2
    entered(app, "maria", address="203.0.113.7", browser=EDGE)  # each of them is known
    entered(app, "maria", address="203.0.113.7")
    assert kinds(store, maria) == [NoticeKind.NEW_PLACE] * 2


def test_addresses_of_one_home_are_one_place(app, store, maria):
    entered(app, "maria", address="2001:db8:1:2::5")
    entered(app, "maria", address="2001:db8:1:2:ffff::6")
    assert kinds(store, maria) == []
    entered(app, "maria", address="2001:db8:1:3::5")
    assert kinds(store, maria) == [NoticeKind.NEW_PLACE]


def test_failed_attempts_are_counted_until_they_are_seen(app, store, maria):
    for address in ("203.0.113.7", "203.0.113.8"):
        entered(app, "MARIA", address=address, password="wrong")
    here = entered(app, "maria")
    assert "2 attempts to sign in as you with a wrong password." in told(here)
    assert "203.0.113.8" in told(here)
    dismiss(here)
    assert told(here) == ""
    entered(app, "maria", password="wrong")
    assert "1 attempt to sign in as you with a wrong password." in told(here)
    assert kinds(store, maria) == [NoticeKind.FAILED_PASSWORD] * 2
    entered(app, "nobody of that name", password="wrong")
    assert len(kinds(store, maria)) == 2


def test_a_wrong_code_after_the_right_password_is_another_matter(app, store, maria):
    secret = second_factor.new_secret()
    with app.app_context():
        store.set_second_factor(
            maria, second_factor.sealed(secret), Doer("maria"), ["the-only-code"]
        )
    for typed, status in (("000000", 403), ("another-code", 403), (code_of(secret), 303)):
        client = app.test_client()
        page = client.post("/sign-in", data={"name": "maria", "password": PASSWORD}, headers=ORIGIN)
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]
        form = {"ticket": ticket, "code": typed}
        answer = client.post("/sign-in/code", data=form, headers=ORIGIN)
        answer.close()
        assert answer.status_code == status
    assert "2 attempts to sign in with your password and a wrong code." in told(client)


def test_a_recovery_code_that_was_used_is_told(store, maria):
    store.set_recovery_codes(maria, ["a-code"])
    assert not store.use_recovery_code(maria, "another")
    assert store.use_recovery_code(maria, "a-code", Doer("maria", "10.0.0.1"))
    assert kinds(store, maria) == [NoticeKind.RECOVERY_USED, NoticeKind.RECOVERY_RENEWED]


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        ("roles", {"roles": ["reader", "uploader"]}, "They are now: reader, uploader."),
        ("disable", {}, "Your account was disabled."),
        ("enable", {}, "Your account was enabled again."),
        ("password", {}, "A link with which your password can be changed was made."),
        ("second-factor/reset", {}, "Your second factor was reset."),
    ],
)
def test_what_an_admin_does_is_told_with_their_name(app, store, ada, maria, path, form, said):
    sent = ada.post(
        f"/access/people/{maria}/{path}", data=form, headers=ORIGIN, follow_redirects=True
    )
    assert sent.status_code == 200
    store.set_disabled(maria, 1, False)  # so that she can come in again
    page = entered(app, "maria").get("/account").text
    assert said in page
    [found] = [one for one in store.notices(maria) if one.by == "ada"]
    assert (found.address, found.browser) == ("10.0.0.9", FIREFOX)
    assert told(ada) == ""


def test_whose_session_an_admin_ended_is_told_at_the_next_sign_in(app, store, ada, maria):
    entered(app, "maria", address="10.0.0.5")
    [ended] = store.sessions_of(PrincipalKind.PERSON, maria)
    assert ada.post(f"/access/sessions/{ended.id}/end", headers=ORIGIN).status_code == 303
    visitor = app.test_client()
    wrong = entered(app, "maria", password="wrong")
    assert "was ended" not in visitor.get("/sign-in").text + wrong.get("/sign-in").text
    said = told(entered(app, "maria", address="10.0.0.5"))
    assert "Your session was ended by an administrator of your clinic." in said
    assert "by ada" in said
    assert kinds(store, maria) == [NoticeKind.FAILED_PASSWORD, NoticeKind.SESSION_ENDED]


def test_sessions_that_people_end_themselves_and_those_of_tokens_tell_nobody(
    app, store, ada, maria, reader
):
    here = entered(app, "maria")
    entered(app, "maria")
    latest = store.sessions_of(PrincipalKind.PERSON, maria)[0]
    assert here.post(f"/account/sessions/{latest.id}/end", headers=ORIGIN).status_code == 303
    [of_token] = store.sessions_of(PrincipalKind.TOKEN, 1)
    assert ada.post(f"/access/sessions/{of_token.id}/end", headers=ORIGIN).status_code == 303
    assert kinds(store, maria) == []


def test_what_the_command_line_does_is_told(app, store, maria):
    store.reset_second_factor(maria)
    said = told(entered(app, "maria"))
    assert "Your second factor was reset." in said
    assert "by whoever runs this server" in said


def test_what_somebody_does_is_told_in_their_other_browsers(app, store, maria):
    here = entered(app, "maria")
    form = {"password": PASSWORD, "new": OTHER_PASSWORD}
    assert here.post("/account/password", data=form, headers=ORIGIN).status_code == 303
    assert told(here) == ""
    assert "Your password was changed." in here.get("/account").text
    assert "by you" in told(entered(app, "maria", password=OTHER_PASSWORD))


def test_a_second_factor_that_comes_and_goes_is_told(app, store, maria):
    here = entered(app, "maria")
    page = here.post("/account/second-factor/begin", data={"password": PASSWORD}, headers=ORIGIN)
    secret = re.search(r'class="secret"><code>(\w+)<', page.text)[1]
    form = {"sealed": re.search(r'name="sealed" value="([^"]+)"', page.text)[1]}
    form["code"] = code_of(secret)
    here.post("/account/second-factor", data=form, headers=ORIGIN)
    for path, status in (("recovery-codes", 200), ("remove", 303)):
        sent = here.post(
            f"/account/second-factor/{path}", data={"password": PASSWORD}, headers=ORIGIN
        )
        assert sent.status_code == status
    assert kinds(store, maria) == [
        NoticeKind.FACTOR_REMOVED,
        NoticeKind.RECOVERY_RENEWED,
        NoticeKind.FACTOR_ADDED,
    ]
    before = len(list(store.audit_entries()))
    without = here.post(
        "/account/second-factor/recovery-codes", data={"password": PASSWORD}, headers=ORIGIN
    )
    assert without.status_code == 422
    assert len(kinds(store, maria)) == 3
    assert len(list(store.audit_entries())) == before  # nothing was changed


def test_a_link_to_a_new_password_tells_when_it_is_used(app, store, maria):
    store.set_second_factor(maria, "sealed")
    visitor = app.test_client()
    visitor.get(f"/sign-in?link={store.password_link(maria, 1)}")
    visitor.post("/sign-in/link", data={"password": OTHER_PASSWORD}, headers=ORIGIN)
    assert set(kinds(store, maria)[:2]) == {NoticeKind.PASSWORD_CHANGED, NoticeKind.FACTOR_REMOVED}


def test_admins_are_told_of_tokens_but_not_in_the_browser_that_made_them(
    app, store, person, ada, client
):
    reader, eve = person("maria"), person("eve", Role.ADMIN)
    other = person("bob", Role.ADMIN, clinic="another")
    operator = person("olga", Role.OPERATOR, clinic=None)
    form = {"scopes": "read", "name": "archive"}
    assert "archive" in ada.post("/access/tokens", data=form, headers=ORIGIN).text
    made = client.post("/api/v1/tokens", json={"name": "by a program", "scopes": ["read"]}).json
    client.delete(f"/api/v1/tokens/{made['id']}")
    client.delete(f"/api/v1/tokens/{made['id']}")  # it has ended already
    assert kinds(store, eve) == [
        NoticeKind.TOKEN_REVOKED,
        NoticeKind.TOKEN_CREATED,
        NoticeKind.TOKEN_CREATED,
    ]
    assert re.fullmatch(r"archive cxr_\w+…", store.notices(eve)[-1].detail)
    assert "archive" not in told(ada)
    assert "by a program" in told(ada)
    assert kinds(store, reader) == kinds(store, other) == kinds(store, operator) == []
    store.create_token(None, [])
    assert kinds(store, operator) == [NoticeKind.TOKEN_CREATED]
    store.ensure_clinic("default", "another-token-of-the-setting")
    assert kinds(store, eve)[0] is NoticeKind.TOKEN_REVOKED


def test_dismissing_leaves_what_came_later_and_what_is_not_theirs(app, store, person, maria):
    ada = person("ada")
    for number in (maria, ada):
        store.reset_second_factor(number)
    here = entered(app, "maria")
    [seen] = store.notices(maria)
    store.set_roles(maria, 1, [Role.UPLOADER])
    answer = here.post(
        "/account/notices/read", data={"until": seen.id, "next": "/help"}, headers=ORIGIN
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/help")
    assert "Your roles were changed." in told(here)
    assert "was reset" not in told(here)
    assert "Your second factor was reset." in here.get("/account").text
    assert "was reset" in told(entered(app, "ada"))
    for wrong in ("", "-1", "x", "9" * 19):
        answer = here.post("/account/notices/read", data={"until": wrong}, headers=ORIGIN)
        assert answer.status_code == 422


def test_a_token_has_none(app, store, reader, maria):
    store.reset_second_factor(maria)
    assert told(reader) == ""
    sent = reader.post("/account/notices/read", data={"until": "99"}, headers=ORIGIN)
    assert sent.status_code == 403
    assert "was reset" in told(entered(app, "maria"))


def test_three_are_shown_at_once_and_the_list_is_bounded(app, store, maria):
    for _ in range(MAX_NOTICES + 5):
        store.reset_second_factor(maria)
    here = entered(app, "maria")
    assert told(here).count("was reset") == 3
    assert "There is more." in told(here)
    assert len(kinds(store, maria)) == MAX_NOTICES
    for place in range(MAX_PLACES + 5):
        store.open_session(PrincipalKind.PERSON, maria, f"10.1.0.{place}", FIREFOX)
    with store.database.reading() as session:
        addresses = set(session.scalars(select(SignInPlace.address)))
    assert addresses == {f"10.1.0.{place}" for place in range(5, MAX_PLACES + 5)}


def test_nothing_is_told_before_a_required_factor_is_set_up(settings, store, maria):
    store.set_roles(maria, 1, [Role.READER])
    app = create_app(replace(settings, require_second_factor=True))
    page = entered(app, "maria").get("/", follow_redirects=True).text
    assert "You have none yet." in page
    assert 'class="news"' not in page


def test_whoever_signs_in_at_a_provider_has_no_forms_for_what_is_kept_there(app, store, person):
    number = person("paula", oidc_subject="issuer paula")
    browser = app.test_client()
    browser.set_cookie("cxr_session", store.open_session(PrincipalKind.PERSON, number, "", ""))
    page = browser.get("/account").text
    assert "You sign in at your organisation." in page
    assert "/account/password" not in page
    assert "/account/second-factor" not in page
    assert "What happened to your account" in page


def dismiss(browser: FlaskClient) -> None:
    page = browser.get("/help").text
    form = {"until": re.search(r'name="until" value="(\d+)"', page)[1], "next": "/help"}
    assert browser.post("/account/notices/read", data=form, headers=ORIGIN).status_code == 303
