"""A second factor that a clinic, or the whole server, requires of passwords."""

import re
from dataclasses import replace
from html import unescape
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.support.access import PASSWORD, TOKEN, code_of
from tests.support.permissions import routes
from web.app import create_app
from web.pages.people.account import JUST_SIGNED_IN
from worker.access import PrincipalKind, Role
from worker.audit import Action
from worker.store.accounts.tables import Session
from worker.store.rows import now

ORIGIN = {"Origin": "http://localhost"}
SET_UP = "/account/second-factor"
# What somebody may still ask for who has to set up a second factor.
SETTING_UP = {
    "account.second_factor_required",
    "account.begin_second_factor",
    "account.confirm_second_factor",
}


@pytest.fixture
def maria(app, person) -> FlaskClient:
    """A reader who has signed in with a password alone."""
    person("maria")
    browser = app.test_client()
    assert enter(browser, "maria").status_code == 303
    return browser


@pytest.fixture
def admin(app, person, store) -> FlaskClient:
    """An admin who has a second factor."""
    number = person("ada", Role.ADMIN)
    store.set_second_factor(number, "sealed")
    browser = app.test_client()
    browser.set_cookie("cxr_session", store.open_session(PrincipalKind.PERSON, number, "", ""))
    return browser


def enter(browser: FlaskClient, name: str):
    form = {"name": name, "password": PASSWORD}
    return browser.post("/sign-in", data=form, headers=ORIGIN)


def require(admin: FlaskClient, required: bool = True):
    form = {"required": "yes"} if required else {}
    return admin.post("/settings/second-factor", data=form, headers=ORIGIN, follow_redirects=True)


def set_up(browser: FlaskClient, periods: int = 0, wanted: str = "/"):
    """From the page that somebody is led to. Returns: the last page, and the secret."""
    form = {"password": PASSWORD, "next": wanted}
    page = browser.post(f"{SET_UP}/begin", data=form, headers=ORIGIN).text
    secret = re.search(r'class="secret"><code>(\w+)<', page)[1]
    form = {"sealed": re.search(r'name="sealed" value="([^"]+)"', page)[1]}
    form["next"] = unescape(re.findall(r'name="next" value="([^"]*)"', page)[-1])
    form["code"] = code_of(secret, periods)
    return browser.post(SET_UP, data=form, headers=ORIGIN), secret


def is_led(answer) -> bool:
    """Whether it sends the browser to the set-up."""
    return urlsplit(answer.headers.get("Location", "")).path == SET_UP


def last_event(store):
    return list(store.audit_entries())[-1].event


def test_it_is_off_until_an_admin_requires_it_and_that_is_written_down(admin, maria, store):
    assert maria.get("/account").status_code == 200
    page = admin.get("/settings").text
    assert 'name="required" value="yes">' in page
    assert "1 person has a password and no second factor." in page
    assert 'name="required" value="yes" checked>' in require(admin).text
    event = last_event(store)
    assert event.action is Action.SETTINGS_CHANGED
    assert event.detail["second_factor_required"] == "yes"
    assert is_led(maria.get("/account"))
    assert 'name="required" value="yes">' in require(admin, False).text
    assert last_event(store).detail["second_factor_required"] == "no"
    assert maria.get("/account").status_code == 200


def test_a_session_without_one_reaches_its_set_up_and_nothing_else(app, admin, maria, store):
    require(admin)
    before = len(list(store.audit_entries()))
    reached = set()
    for route in routes(app):
        path = re.sub(r"<[^>]+>", "1", route.rule)
        answer = maria.open(path, method=route.method, headers=ORIGIN)
        if is_led(answer):
            assert route.is_page
        elif answer.status_code != 403 or "second_factor_required" not in answer.text:
            reached.add(route.endpoint)
            if route.rule == "/sign-out":  # it works, so she has to come back
                enter(maria, "maria")
    public = {"static", "health", "ready", "openapi.spec", "language.choose", "language.words"}
    signing_in = {one for one in reached if one.startswith("sign_in.")}
    assert reached - public - signing_in == SETTING_UP
    # Nothing was seen or changed, and the trail does not say that it was.
    actions = {entry.event.action for entry in list(store.audit_entries())[before:]}
    assert actions <= {Action.REFUSED, Action.SIGNED_IN, Action.SIGNED_OUT}


def test_the_api_says_why(admin, maria):
    require(admin)
    answer = maria.get("/api/v1/jobs")
    assert (answer.status_code, answer.json["code"]) == (403, "second_factor_required")
    assert SET_UP in answer.json["detail"]


def test_whoever_signs_in_without_one_sets_it_up_and_goes_on(app, admin, maria, store):
    require(admin)
    assert enter(maria, "maria").headers["Location"] == "/"
    page = maria.get("/", follow_redirects=True).text
    assert "You have none yet." in page
    assert "<svg" in page
    assert 'aria-label="Pages"' in page
    assert 'href="/help"' not in page
    answer, secret = set_up(maria, -1)
    assert "Keep these recovery codes" in answer.text
    assert 'href="/help"' in answer.text
    assert maria.get("/").status_code == 200
    assert maria.get("/api/v1/jobs").status_code == 200
    assert maria.get(SET_UP).headers["Location"] == "/account"
    # From then on the code is asked for.
    browser = app.test_client()
    page = enter(browser, "maria").text
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)[1]
    form = {"ticket": ticket, "code": code_of(secret)}
    assert browser.post("/sign-in/code", data=form, headers=ORIGIN).status_code == 303
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [("/help?topic=maps", "/help?topic=maps"), ("//elsewhere.example/", "/")],
)
def test_the_codes_are_shown_and_lead_to_where_somebody_was_going(admin, maria, wanted, goes_to):
    require(admin)
    answer, _ = set_up(maria, wanted=wanted)
    assert "Keep these recovery codes" in answer.text
    assert f'href="{goes_to}">I have kept them: go on' in answer.text


def test_the_set_up_is_told_where_somebody_was_going(admin, maria):
    require(admin)
    page = maria.get("/help?topic=maps", follow_redirects=True).text
    assert 'name="next" value="/help?topic=maps"' in page
    assert 'name="next" value="/"' in maria.get("/", follow_redirects=True).text


def test_a_session_from_before_is_asked_for_the_password_again(admin, maria, store):
    require(admin)
    with store.database.writing() as session:
        session.execute(update(Session).values(created_at=now() - JUST_SIGNED_IN))
    page = maria.get("/", follow_redirects=True).text
    assert "Set up a second factor to go on" in page
    assert "<svg" not in page
    wrong = maria.post(f"{SET_UP}/begin", data={"password": "wrong"}, headers=ORIGIN)
    assert (wrong.status_code, "not your current password" in wrong.text) == (403, True)
    assert "Set up a second factor to go on" in wrong.text
    assert "From now on" in set_up(maria)[0].text


def test_it_cannot_be_removed_while_it_is_required_but_moved_to_another_phone(admin, maria, store):
    _, first = set_up(maria, -1)
    require(admin)
    page = maria.get("/account").text
    assert "cannot be turned off" in page
    assert f"{SET_UP}/remove" not in page
    form = {"password": PASSWORD}
    refused = maria.post(f"{SET_UP}/remove", data=form, headers=ORIGIN)
    assert refused.status_code == 409
    assert "A second factor is required here, so it cannot be turned off." in refused.text
    kept = store.credentials("maria").totp_secret
    assert kept is not None
    answer, second = set_up(maria)
    assert "From now on" in answer.text
    assert second != first
    assert store.credentials("maria").totp_secret not in (None, kept)
    require(admin, False)
    assert maria.post(f"{SET_UP}/remove", data=form, headers=ORIGIN).status_code == 303
    assert store.credentials("maria").totp_secret is None


def test_programs_links_of_tokens_providers_and_other_clinics_are_not_affected(
    app, admin, person, reader, client, store
):
    require(admin)
    assert client.get("/api/v1/jobs").status_code == 200
    assert reader.get("/settings").status_code == 200  # signed in with the token
    browser = app.test_client()
    browser.get(f"/sign-in?link={store.sign_in_link(TOKEN)}")
    browser.post("/sign-in/link", headers=ORIGIN)
    assert browser.get("/").status_code == 200
    store.invite("another", [Role.READER])
    for number in (
        person("at the provider", oidc_subject="issuer subject"),
        person("elsewhere", clinic="another"),
        person("operator", Role.OPERATOR, clinic=None),
    ):
        browser = app.test_client()
        secret = store.open_session(PrincipalKind.PERSON, number, "", "")
        browser.set_cookie("cxr_session", secret)
        assert browser.get("/account").status_code == 200


def test_a_server_can_require_it_of_everybody(settings, store, person):
    app = create_app(replace(settings, require_second_factor=True))
    for name, role, clinic in (("eve", Role.OPERATOR, None), ("bob", Role.ADMIN, "default")):
        person(name, role, clinic=clinic)
        browser = app.test_client()
        enter(browser, name)
        assert is_led(browser.get("/account"))
        set_up(browser)
        assert browser.get("/account").status_code == 200
    page = browser.get("/settings").text
    assert "This server requires a second factor" in page
    assert 'name="required"' not in page
    app.extensions["cxr"].painter.close()


def test_an_admin_resets_the_second_factor_of_somebody_who_lost_it(
    app, admin, maria, store, person
):
    assert "Reset the second factor of maria" not in admin.get("/access").text
    set_up(maria)
    assert "Reset the second factor of maria" in admin.get("/access").text
    (number,) = (one.id for one in store.people(1) if one.name == "maria")
    reset = "/access/people/{}/second-factor/reset".format
    sent = admin.post(reset(number), headers=ORIGIN, follow_redirects=True)
    assert "is removed" in sent.text
    event = last_event(store)
    assert (event.action, event.detail["person"]) == (Action.CHANGED, number)
    assert event.detail["route"] == "access.reset_second_factor"
    assert maria.get("/account").headers["Location"].startswith("/sign-in")
    assert store.recovery_codes_left(number) == 0
    require(admin)
    assert enter(maria, "maria").status_code == 303
    assert is_led(maria.get("/account"))
    # Not one's own, for which the password is needed, nor that of another clinic.
    ada = store.credentials("ada").person.id
    assert admin.post(reset(ada), headers=ORIGIN).status_code == 422
    elsewhere = person("elsewhere", clinic="another")
    store.set_second_factor(elsewhere, "sealed")
    assert admin.post(reset(elsewhere), headers=ORIGIN).status_code == 404
    assert store.credentials("elsewhere").totp_secret == "sealed"
