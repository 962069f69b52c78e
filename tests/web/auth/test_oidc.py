"""Sign-in at an identity provider, which runs as a process of its own."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.waiting import wait_for
from web.app import create_app
from worker.access import Role
from worker.errors import SettingsError

ORIGIN = {"Origin": "http://localhost"}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Address of a provider that lets anybody say who they are."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"},
    )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{address}/.well-known/openid-configuration").is_success
        except httpx.TransportError:
            return False

    try:
        wait_for(answers)
        yield address
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def app(settings, store, provider):
    app = create_app(
        replace(
            settings, oidc_issuer=provider, oidc_client_id="cxr", oidc_client_secret="not guessed"
        )
    )
    yield app
    app.extensions["cxr"].painter.close()


def sign_in_at(provider: str, browser, as_: str, next_: str = "/"):
    """Through the provider's page and back. Returns: our answer."""
    sent = browser.get(f"/sign-in/provider?next={next_}")
    assert sent.status_code == 302
    assert sent.headers["Location"].startswith(provider)
    query = parse_qs(urlsplit(sent.headers["Location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert {"state", "nonce"} <= query.keys()
    back = httpx.post(sent.headers["Location"], data={"sub": as_}).headers["Location"]
    return browser.get(back.removeprefix("http://localhost"))


def join(provider: str, app, store, as_: str):
    browser = app.test_client()
    browser.get(f"/sign-in?link={store.invite('default', [Role.READER])}")
    assert "Join with your organisation" in browser.get("/sign-in/link").text
    assert sign_in_at(provider, browser, as_).status_code == 303
    return browser


def test_an_invitation_ties_an_account_of_the_provider_to_a_person(provider, app, store, visitor):
    joined = join(provider, app, store, "maria@clinic.example")
    assert "default · maria@clinic.example" in joined.get("/").text
    again = sign_in_at(provider, visitor, "maria@clinic.example", "/account")
    assert (again.status_code, again.headers["Location"]) == (303, "/account")
    assert visitor.get("/account").status_code == 200
    (person,) = store.people(1)
    assert not person.has_password


def test_whoever_was_not_invited_is_told_so(provider, visitor, store):
    answer = sign_in_at(provider, visitor, "stranger@clinic.example")
    assert answer.status_code == 403
    assert "Ask for an invitation" in answer.text
    assert visitor.get("/account").status_code == 302
    assert store.people(1) == []


def test_whoever_was_shut_out_stays_out(provider, app, store, visitor):
    join(provider, app, store, "maria@clinic.example")
    store.set_disabled(store.people(1)[0].id, 1, True)
    assert sign_in_at(provider, visitor, "maria@clinic.example").status_code == 403


def test_an_answer_that_was_meant_for_another_browser_signs_nobody_in(provider, app, store):
    join(provider, app, store, "maria@clinic.example")
    thief, victim = app.test_client(), app.test_client()
    sent = thief.get("/sign-in/provider").headers["Location"]
    back = httpx.post(sent, data={"sub": "maria@clinic.example"}).headers["Location"]
    answer = victim.get(back.removeprefix("http://localhost"))
    assert answer.status_code == 502
    assert victim.get("/account").status_code == 302


def test_a_refusal_of_the_provider_is_told(provider, visitor, caplog):
    sent = visitor.get("/sign-in/provider").headers["Location"]
    back = httpx.post(sent, data={"action": "deny"}).headers["Location"]
    state = parse_qs(urlsplit(sent).query)["state"][0]
    path = re.sub(r"^https?://localhost", "", back)
    answer = visitor.get(f"{path}&state={state}")
    assert answer.status_code == 502
    assert "did not work" in answer.text
    assert "OAuthError" in caplog.text


def test_a_provider_that_cannot_be_reached_is_told(settings, store):
    gone = replace(
        settings,
        oidc_issuer="http://127.0.0.1:1",
        oidc_client_id="cxr",
        oidc_client_secret="not guessed",
    )
    browser = create_app(gone).test_client()
    assert browser.get("/sign-in/provider").status_code == 502


def test_a_provider_needs_our_name_and_secret(settings):
    with pytest.raises(SettingsError, match="CXR_OIDC_CLIENT_ID"):
        replace(settings, oidc_issuer="https://login.example")
