"""A form that was taken leads to a page, so that a reload does not send it again."""

import re

import pytest
from flask.testing import FlaskClient

from tests.support.access import PASSWORD
from tests.support.permissions import routes
from tests.support.rows import create_job, new_images
from worker.access import PrincipalKind, Role
from worker.passwords import hashed

ORIGIN = {"Origin": "http://localhost"}
FORM = {
    **{"roles": "reader", "scopes": "read", "profile": "research", "job_id": "1", "until": "1"},
    **{"name": "a name", "password": PASSWORD, "new": "nine brittle lanterns", "language": "es"},
}
# Their answers hold what is shown once and kept nowhere: a link, a token, a secret for the app.
SHOWN_ONCE = {
    "access.invite",
    "access.password_link",
    "access.create_token",
    "account.begin_second_factor",
    "account.renew_recovery_codes",
}
# They need more than a form of this kind, and are tested where they belong.
TESTED_ELSEWHERE = {"account.confirm_second_factor", "operations.retry"}


@pytest.fixture
def admin(app, store, clinic) -> FlaskClient:
    """The browser of an admin who has a second factor, as the person 1."""
    link = store.link(store.invite(clinic.name, [Role.ADMIN]))
    store.accept_invitation(link.id, "ada", hashed(PASSWORD))
    browser = app.test_client()
    enter(browser, store)
    return browser


def enter(browser: FlaskClient, store) -> None:
    store.set_second_factor(1, "sealed")
    browser.set_cookie("cxr_session", store.open_session(PrincipalKind.PERSON, 1, "", ""))


def test_only_what_is_shown_once_is_in_the_answer_to_a_form(app, store, clinic, admin):
    link = store.link(store.invite(clinic.name, [Role.READER]))
    other = store.accept_invitation(link.id, "maria", "no password").id
    create_job(store, clinic.id, "job", new_images(1))
    answered = {}
    for route in routes(app):
        if route.method != "POST" or not route.is_page or route.endpoint in TESTED_ELSEWHERE:
            continue
        if route.endpoint.startswith("sign_in."):
            continue
        store.set_password(1, hashed(PASSWORD))
        enter(admin, store)
        session = store.sessions_of(PrincipalKind.PERSON, 1)[0].id
        path = route.rule.replace("<int:person_id>", str(other)).replace("<int:job_id>", "1")
        path = path.replace("<int:session_id>", str(session)).replace("<int:token_id>", "1")
        if "<int:view_id>" in path:
            admin.post("/images/views", data=FORM, headers=ORIGIN)
            path = path.replace("<int:view_id>", "1")
        answered[route.endpoint] = admin.post(path, data=FORM, headers=ORIGIN).status_code
    assert {one for one, status in answered.items() if status == 200} == SHOWN_ONCE
    assert {one for one, status in answered.items() if status == 303} == set(answered) - SHOWN_ONCE


def test_the_page_says_once_what_was_done(admin):
    page = admin.post("/settings/retention", headers=ORIGIN, follow_redirects=True).text
    assert said(page) == ["What is kept, and for how long, is set."]
    assert said(admin.get("/settings").text) == []


def test_whoever_ends_the_session_at_hand_is_told_at_the_sign_in(admin, store):
    [session] = store.sessions_of(PrincipalKind.PERSON, 1)
    ended = admin.post(f"/account/sessions/{session.id}/end", headers=ORIGIN, follow_redirects=True)
    assert ended.request.path == "/sign-in"
    assert said(ended.text) == ["The session has ended."]


def said(page: str) -> list[str]:
    return re.findall(r'<p class="done" role="status">([^<]+)</p>', page)
