"""A code of an authenticator app after the password."""

import re

import pytest
from flask.testing import FlaskClient

from tests.support.access import PASSWORD
from tests.support.access import code_of as code
from web.auth import second_factor
from worker.access import Role
from worker.passwords import hashed

ORIGIN = {"Origin": "http://localhost"}


@pytest.fixture
def maria(app, store) -> FlaskClient:
    """Somebody who has signed in with a password alone."""
    link = store.link(store.invite("default", [Role.READER]))
    store.accept_invitation(link.id, "maria", hashed(PASSWORD))
    browser = app.test_client()
    assert enter(browser).status_code == 303
    return browser


@pytest.fixture
def secret(maria, store) -> str:
    """Of the second factor, which she has turned on."""
    page = maria.post("/account/second-factor/begin", data={"password": PASSWORD}, headers=ORIGIN)
    assert "<svg" in page.text
    assert "style=" not in page.text
    secret = re.search(r'class="secret"><code>(\w+)<', page.text)[1]
    sealed = re.search(r'name="sealed" value="([^"]+)"', page.text)[1]
    confirm = "/account/second-factor"
    wrong = maria.post(confirm, data={"sealed": sealed, "code": "12345"}, headers=ORIGIN)
    assert wrong.status_code == 403
    good = maria.post(confirm, data={"sealed": sealed, "code": code(secret, -1)}, headers=ORIGIN)
    assert "From now on" in good.text
    return secret


def enter(browser: FlaskClient):
    form = {"name": "maria", "password": PASSWORD}
    return browser.post("/sign-in", data=form, headers=ORIGIN)


def send(browser: FlaskClient, page: str, code: str):
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)[1]
    return browser.post("/sign-in/code", data={"ticket": ticket, "code": code}, headers=ORIGIN)


def test_the_password_alone_no_longer_signs_in(secret, visitor):
    page = enter(visitor)
    assert page.status_code == 200
    assert "Enter your code" in page.text
    assert visitor.get("/account").status_code == 302
    wrong = send(visitor, page.text, "000000")
    assert wrong.status_code == 403
    assert visitor.get("/account").status_code == 302
    assert send(visitor, wrong.text, code(secret)).status_code == 303
    assert visitor.get("/account").status_code == 200


def test_a_code_counts_once(secret, visitor, app):
    used = code(secret)
    page = enter(visitor)
    assert send(visitor, page.text, used).status_code == 303
    thief = app.test_client()
    assert send(thief, enter(thief).text, used).status_code == 403
    assert send(thief, enter(thief).text, code(secret, -1)).status_code == 403


@pytest.mark.parametrize("periods", [-3, -2, 2, 10])
def test_codes_of_other_times_do_not_count(secret, visitor, periods):
    assert send(visitor, enter(visitor).text, code(secret, periods)).status_code == 403


def test_a_ticket_does_not_outlive_the_password_it_is_for(secret, visitor, store):
    page = enter(visitor)
    store.set_password(1, hashed("nine brittle lanterns"))
    assert send(visitor, page.text, code(secret)).headers["Location"] == "/sign-in"
    assert visitor.get("/account").status_code == 302


def test_a_ticket_that_was_made_up_signs_nobody_in(secret, visitor):
    form = {"ticket": "WzEsImEiXQ.aaaa.bbbb", "code": code(secret)}
    assert visitor.post("/sign-in/code", data=form, headers=ORIGIN).status_code == 303
    assert visitor.get("/account").status_code == 302


def test_it_is_turned_off_with_the_password_only(secret, maria, visitor):
    off = "/account/second-factor/remove"
    assert maria.post(off, data={"password": "wrong"}, headers=ORIGIN).status_code == 403
    assert maria.post(off, data={"password": PASSWORD}, headers=ORIGIN).status_code == 303
    assert enter(visitor).status_code == 303


def test_the_secret_is_kept_encrypted(secret, app, settings, store):
    for file in settings.home.glob("cxr.db*"):
        assert secret.encode() not in file.read_bytes()
    kept = store.credentials("maria").totp_secret
    with app.app_context():
        assert second_factor.opened(kept) == secret
        assert second_factor.opened("gAAAA" + kept[5:-4] + "AAAA") is None


def codes_in(page: str) -> list[str]:
    return re.search(r'id="recovery-codes">([^<]+)<', page)[1].split()


def renew(maria):
    form = {"password": PASSWORD}
    return maria.post("/account/second-factor/recovery-codes", data=form, headers=ORIGIN)


def test_ten_recovery_codes_sign_in_once_each(secret, maria, visitor, app, store):
    assert store.recovery_codes_left(1) == 10
    old, codes = codes_in(renew(maria).text), codes_in(renew(maria).text)
    assert len({*old, *codes}) == 20
    assert not store.use_recovery_code(1, old[0])
    page, thief = enter(visitor).text, app.test_client()
    assert send(visitor, page, codes[0].replace("-", " ").upper()).status_code == 303
    assert list(store.audit_entries())[-1].event.detail == {"second_factor": "recovery_code"}
    assert send(thief, page, codes[0]).status_code == 403
    assert store.recovery_codes_left(1) == 9
    maria.post("/account/second-factor/remove", data={"password": PASSWORD}, headers=ORIGIN)
    assert store.recovery_codes_left(1) == 0
    for file in app.extensions["cxr"].settings.home.glob("cxr.db*"):
        assert codes[1].encode() not in file.read_bytes()
